"""An OpenTelemetry collector of logs: a gRPC server that keeps the records that it gets."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from concurrent import futures
from typing import Any, Self

from . import paths
from .poll import until
from .ports import free_port
from .procs import Server

Record = dict[str, str]

METHOD = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"


def is_installed() -> bool:
    return (paths.MONITORING / "python" / "grpc").exists()


class Collector(Server):
    """`records` grows with each log record: its attributes, its `body`, and the attributes of its resource."""

    def __init__(self) -> None:
        self.port = free_port()
        self.records: list[Record] = []
        self._lock = threading.Lock()
        self._server: Any = None

    def start(self) -> Self:
        sys.path.append(str(paths.MONITORING / "python"))
        import grpc
        from opentelemetry.proto.collector.logs.v1 import logs_service_pb2

        def export(request: Any, _: Any) -> Any:
            self._take(request)
            return logs_service_pb2.ExportLogsServiceResponse()

        handler = grpc.method_handlers_generic_handler(
            METHOD.split("/")[1],
            {
                METHOD.split("/")[2]: grpc.unary_unary_rpc_method_handler(
                    export,
                    request_deserializer=logs_service_pb2.ExportLogsServiceRequest.FromString,
                    response_serializer=logs_service_pb2.ExportLogsServiceResponse.SerializeToString,
                )
            },
        )
        self._server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
        self._server.add_generic_rpc_handlers((handler,))
        assert self._server.add_insecure_port(f"127.0.0.1:{self.port}") == self.port
        self._server.start()
        return self

    def stop(self) -> None:
        if self._server:
            self._server.stop(None).wait(5)

    def record(self, where: Callable[[Record], bool], timeout: float = 10) -> Record:
        """The first record for which `where` holds; waits for it."""

        def found() -> Record | None:
            with self._lock:
                return next((record for record in self.records if where(record)), None)

        return until(found, timeout, "a log record")

    def _take(self, request: Any) -> None:
        with self._lock:
            for resource_logs in request.resource_logs:
                resource = _texts(resource_logs.resource.attributes)
                for scope_logs in resource_logs.scope_logs:
                    for record in scope_logs.log_records:
                        self.records.append(resource | _texts(record.attributes) | {"body": record.body.string_value})


def _texts(attributes: Any) -> Record:
    return {attribute.key: attribute.value.string_value for attribute in attributes}
