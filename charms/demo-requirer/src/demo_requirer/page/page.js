"use strict";

// Keeps the page true while it is open. The server renders, also what changes (/live); this script
// puts in those parts whose content is another one, so that focus and selection stay elsewhere, and moves
// what only the clock moves.

const POLL_MILLISECONDS = 2000;
const MOST_CONNECTIONS = 8; // To one host; Chromium and Firefox keep up to six.
const STEPS = [[86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]];

const live = document.getElementById("live");
const pulse = document.getElementById("pulse");
const pulseText = document.getElementById("pulse-text");
const announcement = document.getElementById("announcement");
let clockOffset = 0; // The server's clock minus this one's, in milliseconds.

function now() {
  return Date.now() + clockOffset;
}

// The same rule as the server's page.distance.
function distance(then) {
  const seconds = Math.round((then - now()) / 1000);
  const [size, unit] = STEPS.find(([step]) => Math.abs(seconds) >= 2 * step) ?? STEPS.at(-1);
  const count = Math.floor(Math.abs(seconds) / size);
  const text = `${count} ${unit}${count === 1 ? "" : "s"}`;
  return seconds >= 0 ? `in ${text}` : `${text} ago`;
}

function anchor(share) {
  return share > 0.9 ? "end" : share > 0.1 ? "middle" : "start";
}

function moveClock() {
  for (const time of live.querySelectorAll("time[data-distance]")) {
    time.textContent = distance(Date.parse(time.dateTime));
  }
  for (const bar of live.querySelectorAll(".validity")) {
    const start = Date.parse(bar.dataset.start);
    const end = Date.parse(bar.dataset.end);
    const share = Math.min(Math.max((now() - start) / (end - start), 0), 1);
    const at = `${share * 100}%`;
    bar.querySelector("[data-used]").setAttribute("width", at);
    bar.querySelector("[data-now]").setAttribute("cx", at);
    const label = bar.querySelector("[data-now-text]");
    label.setAttribute("x", at);
    label.setAttribute("text-anchor", anchor(share));
  }
  markEnded();
}

// Also while no answer comes: what has ended is not called valid.
function markEnded() {
  for (const state of live.querySelectorAll("[data-valid-until]")) {
    if (now() <= Date.parse(state.dataset.validUntil)) continue;
    const badge = state.querySelector(".badge");
    badge.textContent = "Expired";
    badge.className = "badge bad";
    state.querySelector(".when").firstChild.data = "ended ";
  }
}

function takeUp(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  for (const part of fresh.querySelectorAll("[data-part]")) {
    const old = live.querySelector(`[data-part="${part.dataset.part}"]`);
    if (!old) {
      // The server has been replaced by one of another version, whose page is another.
      location.reload();
      return;
    }
    if (old.dataset.key === part.dataset.key) continue;
    if (part.dataset.part === "served-now" && part.dataset.served !== old.dataset.served) {
      announcement.textContent = part.dataset.until
        ? `A new certificate is served, valid until ${part.dataset.until} UTC.`
        : "New connections are refused: no valid certificate is held.";
    }
    const focused = old.contains(document.activeElement);
    old.replaceWith(document.adoptNode(part));
    part.classList.add("changed");
    if (focused) document.getElementById("certificate").focus();
  }
}

function say(text, isLive) {
  if (pulseText.textContent !== text) pulseText.textContent = text;
  pulse.classList.toggle("live", isLive);
}

async function poll() {
  try {
    const answer = await fetch("/live", { cache: "no-store" });
    if (!answer.ok) throw new Error(answer.statusText);
    clockOffset = Date.parse(answer.headers.get("date")) + 500 - Date.now();
    takeUp(await answer.text());
    say("Live", true);
  } catch {
    // A browser says no more, be it the network or a certificate that it does not trust.
    say("Not connected. Your browser may want to be told to trust the new certificate: reload the page.", false);
  }
  moveClock();
}

live.addEventListener("click", async (event) => {
  if (event.target.id !== "reconnect") return;
  // Each answer ends the connection that it came over, and a browser may keep several open.
  for (let turn = 0; turn < MOST_CONNECTIONS && document.getElementById("reconnect"); turn += 1) {
    await fetch("/reconnect", { cache: "no-store" }).catch(() => undefined);
    await poll();
  }
});

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) poll();
});
setInterval(moveClock, 1000);
setInterval(() => {
  if (!document.hidden) poll();
}, POLL_MILLISECONDS);
poll();
