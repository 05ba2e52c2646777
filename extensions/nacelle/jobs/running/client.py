"""nbclient as papermill uses it, which also tells the log what cells print, and ends on purpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from papermill.clientwrap import PapermillNotebookClient

from nacelle.jobs.running.journal import Journal
from nacelle.jobs.running.room import TOO_LARGE, Room
from nacelle.jobs.running.saving import Bookkeeping

_LIMITED = frozenset(("stream", "display_data", "execute_result", "update_display_data", "error"))
_LONGEST_STREAM = 1_000_000
# Output that came before the answer is never waited for so long by a machine that is only busy.
_OUTPUT_SECONDS = 60
_START_SECONDS = 120
_LEFT = ("", "0", "None")


class Client(PapermillNotebookClient):  # type: ignore[misc]
    """Runs the cells one after the other. Afterwards `failure` is the error that ended it, or None;
    `left` says that a cell asked for the end (`sys.exit()`, `quit()`), which is no failure;
    `started` that the kernel answered."""

    def __init__(
        self, books: Bookkeeping, manager: Any, journal: Journal, answered: Callable[[], None]
    ) -> None:
        super().__init__(
            books,
            km=manager,
            raise_on_iopub_timeout=False,
            iopub_timeout=_OUTPUT_SECONDS,
            startup_timeout=_START_SECONDS,
            timeout=None,
            on_cell_executed=self._executed,
        )
        self._journal = journal
        self._answered = answered
        self._room = Room()
        self.failure: CellExecutionError | None = None
        self.left = False
        self.started = False

    def execute(self, **_: Any) -> Any:
        """Wait for the kernel and run the notebook in it. The kernel is the caller's to end."""
        self.reset_execution_trackers()
        with self.setup_kernel(cleanup_kc=False):
            reply = self.wait_for_reply(self.kc.kernel_info())
            self.nb.metadata["language_info"] = reply["content"]["language_info"]
            self.started = True
            self._answered()
            self.papermill_execute_cells()
            self.set_widgets_metadata()
        return self.nb

    def papermill_execute_cells(self) -> None:
        for index, cell in enumerate(self.nb.cells):
            if self.left or self.failure:
                return
            self._run(index, cell)

    def _run(self, index: int, cell: Any) -> None:
        self.nb_man.cell_start(cell, index)
        try:
            self.execute_cell(cell, index)
        except CellExecutionError as error:
            self.left = error.ename == "SystemExit" and error.evalue in _LEFT
            if not self.left:
                self.failure = error
                self.nb_man.cell_exception(cell, cell_index=index, exception=error)
        except Exception as error:
            # The kernel is gone, or was told to stop.
            self.nb_man.cell_exception(cell, cell_index=index, exception=error)
            raise
        finally:
            self.nb_man.cell_complete(cell, cell_index=index)

    def _executed(self, execute_reply: dict[str, Any] | None = None, **_: Any) -> None:
        payload = (execute_reply or {}).get("content", {}).get("payload") or []
        self.left = self.left or any(one.get("source") == "ask_exit" for one in payload)

    def process_message(self, msg: dict[str, Any], *arguments: Any, **more: Any) -> Any:
        if msg["msg_type"] in _LIMITED:
            content = self._fitting(msg["msg_type"], msg["content"])
            if content is None:
                return None
            msg = {**msg, "content": content}
        output = super().process_message(msg, *arguments, **more)
        if output:
            self._tell(output)
        return output

    def output(self, outs: list[Any], msg: dict[str, Any], display_id: Any, cell_index: int) -> Any:
        """Add an output; what is printed bit by bit becomes one."""
        elsewhere = self.output_hook_stack[msg["parent_header"].get("msg_id")]
        if msg["msg_type"] == "stream" and not (elsewhere or self.clear_before_next_output):
            text, name = msg["content"]["text"], msg["content"]["name"]
            before = outs[-1] if outs else {}
            if before.get("name") == name and len(before["text"]) < _LONGEST_STREAM:
                before["text"] += text
                return NotebookNode(output_type="stream", name=name, text=text)
        return super().output(outs, msg, display_id, cell_index)

    def _fitting(self, kind: str, content: dict[str, Any]) -> dict[str, Any] | None:
        """What of a message there is room for."""
        display = (content.get("transient") or {}).get("display_id")
        places = sum(map(len, self._display_id_map.get(display, {}).values()))
        before = self._room.full
        kept = self._room.take(kind, content, display, places)
        if self._room.full and not before:
            self._journal.say(TOO_LARGE)
        return kept

    def _tell(self, output: Any) -> None:
        if output.output_type == "stream":
            self._journal.printed(output.text)
        elif output.output_type == "error":
            self._journal.printed("\n".join(output.traceback) + "\n")
        elif "text/plain" in output.get("data", {}):
            self._journal.printed("".join(output.data["text/plain"]) + "\n")
