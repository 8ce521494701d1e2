"""What the server counts, in the text format of Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

import prometheus_client
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from demo_requirer.pairs import serial_hex

if TYPE_CHECKING:
    from demo_requirer.store import Content

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counters of this process, and gauges read from the content that is served."""

    def __init__(self) -> None:
        self._registry = prometheus_client.CollectorRegistry()
        handshakes = prometheus_client.Counter(
            "tls_handshakes",
            "TLS handshakes by what became of them; those started and in no other group failed.",
            ["outcome"],
            registry=self._registry,
        )
        self._started = handshakes.labels("started")
        self._completed = handshakes.labels("completed")
        self._refused = handshakes.labels("refused")
        reloads = prometheus_client.Counter(
            "certificate_reloads",
            "How often the server took up another set of certificates, or could not.",
            ["outcome"],
            registry=self._registry,
        )
        self._taken_up = reloads.labels("taken_up")
        self._rejected = reloads.labels("rejected")

    def handshake_started(self) -> None:
        """Count a client's first message."""
        self._started.inc()

    def handshake_completed(self) -> None:
        """Count a connection that is now open."""
        self._completed.inc()

    def handshake_refused(self) -> None:
        """Count a handshake that was refused, for no valid certificate is held."""
        self._refused.inc()

    def reload_taken_up(self) -> None:
        """Count a set that is now served."""
        self._taken_up.inc()

    def reload_rejected(self) -> None:
        """Count a set that is not served, the one before going on."""
        self._rejected.inc()

    def exposition(self, content: Content | None) -> bytes:
        """Return all of it as text, with the certificates' dates out of *content*."""
        registry = prometheus_client.CollectorRegistry()
        registry.register(_Certificates(content))
        counted = prometheus_client.generate_latest(self._registry)
        return prometheus_client.generate_latest(registry) + counted


class _Certificates:
    """Collects what the content says, at the moment it is asked."""

    def __init__(self, content: Content | None) -> None:
        self._content = content

    def collect(self) -> list[Metric]:
        labels = ["slot", "common_name", "serial_number"]
        not_before = GaugeMetricFamily(
            "certificate_not_before_timestamp_seconds", "Beginning of validity.", labels=labels
        )
        not_after = GaugeMetricFamily(
            "certificate_not_after_timestamp_seconds", "End of validity.", labels=labels
        )
        renewal = GaugeMetricFamily(
            "certificate_renewal_timestamp_seconds", "When it is to be renewed.", labels=labels
        )
        renewals = CounterMetricFamily(
            "certificate_renewals", "How often a certificate was replaced by another."
        )
        if self._content is not None:
            renewals.add_metric([], self._content.renewals)
            for pair in self._content.pairs:
                values = [pair.slot, pair.common_name, serial_hex(pair.serial_number)]
                not_before.add_metric(values, pair.not_before.timestamp())
                not_after.add_metric(values, pair.not_after.timestamp())
                if pair.renewal_time is not None:
                    renewal.add_metric(values, pair.renewal_time.timestamp())
        return [not_before, not_after, renewal, renewals]
