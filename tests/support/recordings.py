"""A small recording of each harness, with every kind of line that its importer knows."""

from __future__ import annotations

from typing import Any

__all__ = ["RECORDINGS"]


def _claude_line(name: str, kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, "uuid": name, "sessionId": "s1", "timestamp": "now", **fields}


CLAUDE_CODE = [
    _claude_line("1", "user", message={"role": "user", "content": "look at it"}),
    _claude_line(
        "2",
        "assistant",
        message={
            "id": "m1",
            "usage": {"input_tokens": 9},
            "content": [
                {"type": "text", "text": "Let me look."},
                {"type": "tool_use", "id": "c1", "name": "Read", "input": {"file_path": "a.py"}},
            ],
        },
    ),
    _claude_line(
        "3",
        "user",
        message={"content": [{"type": "tool_result", "tool_use_id": "c1", "content": "1 import"}]},
    ),
    _claude_line("4", "attachment", attachment={"type": "file", "content": "x"}),
    _claude_line(
        "5",
        "system",
        subtype="microcompact_boundary",
        microcompactMetadata={"compactedToolIds": ["c1"]},
    ),
    _claude_line(
        "6",
        "system",
        subtype="compact_boundary",
        compactMetadata={
            "trigger": "auto",
            "preTokens": 9,
            "preservedMessages": {"uuids": ["3"]},
            "preservedSegment": {"headUuid": "2", "tailUuid": "3"},
        },
    ),
    _claude_line("7", "user", isCompactSummary=True, message={"content": "So far"}),
]

CODEX = [
    {"type": "session_meta", "payload": {"id": "s1", "base_instructions": {"text": "Be brief."}}},
    {
        "type": "response_item",
        "payload": {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "look at it"}],
        },
    },
    {
        "type": "response_item",
        "payload": {"type": "function_call", "name": "sh", "arguments": "{}", "call_id": "c1"},
    },
    {
        "type": "response_item",
        "payload": {"type": "function_call_output", "call_id": "c1", "output": "a.py"},
    },
    {
        "type": "event_msg",
        "payload": {"type": "token_count", "info": {"last_token_usage": {"input_tokens": 9}}},
    },
    {
        "type": "compacted",
        "payload": {
            "message": "",
            "replacement_history": [
                {
                    "type": "message",
                    "role": "user",
                    "content": [{"type": "input_text", "text": "look at it"}],
                }
            ],
        },
    },
]

OPENCODE = [
    {
        "info": {"id": "ses_1", "revert": {"messageID": "m9"}},
        "messages": [
            {
                "info": {"role": "user", "id": "m1", "time": {"created": 1}},
                "parts": [
                    {"type": "text", "text": "look at it"},
                    {"type": "file", "mime": "image/png", "url": "data:image/png;base64,eHh4"},
                ],
            },
            {
                "info": {"role": "assistant", "id": "m2", "time": {"created": 2}},
                "parts": [
                    {"type": "step-start"},
                    {"type": "reasoning", "text": "hm"},
                    {
                        "type": "tool",
                        "tool": "read",
                        "callID": "c1",
                        "state": {
                            "status": "completed",
                            "input": {"path": "a.py"},
                            "output": "1 import",
                            "time": {"compacted": 3},
                        },
                    },
                    {"type": "step-finish", "tokens": {"input": 9, "cache": {"read": 1}}},
                ],
            },
            {
                "info": {"role": "user", "id": "m3", "time": {"created": 4}},
                "parts": [{"type": "compaction", "auto": True, "tail_start_id": "m2"}],
            },
            {
                "info": {"role": "assistant", "id": "m4", "summary": True},
                "parts": [{"type": "text", "text": "So far"}],
            },
            {
                "info": {
                    "role": "assistant",
                    "id": "m5",
                    "error": {"name": "MessageAbortedError"},
                },
                "parts": [{"type": "text", "text": "I was"}],
            },
        ],
    }
]

PI = [
    {"type": "session", "version": 3, "id": "s1", "cwd": "/home/x"},
    {
        "type": "message",
        "id": "1",
        "parentId": None,
        "message": {
            "role": "user",
            "content": [
                {"type": "text", "text": "look at it"},
                {"type": "image", "mimeType": "image/png", "data": "eHh4"},
            ],
        },
    },
    {
        "type": "message",
        "id": "2",
        "parentId": "1",
        "message": {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm"},
                {"type": "toolCall", "id": "c1", "name": "read", "arguments": {"path": "a.py"}},
            ],
            "usage": {"input": 9},
            "stopReason": "toolUse",
        },
    },
    {
        "type": "message",
        "id": "3",
        "parentId": "2",
        "message": {"role": "toolResult", "toolCallId": "c1", "content": [], "isError": False},
    },
    {
        "type": "message",
        "id": "4",
        "parentId": "3",
        "message": {"role": "bashExecution", "command": "ls", "output": "a.py", "exitCode": 0},
    },
    {"type": "branch_summary", "id": "5", "parentId": "4", "fromId": "2", "summary": "left"},
    {
        "type": "compaction",
        "id": "6",
        "parentId": "5",
        "summary": "So far",
        "firstKeptEntryId": "2",
        "firstKeptEntryIndex": 1,
        "tokensBefore": 9,
    },
]

COPILOT_CLI = [
    {"type": "session.start", "data": {"sessionId": "s1"}, "timestamp": "now"},
    {"type": "system.message", "data": {"role": "system", "content": "Be brief."}},
    {"type": "user.message", "data": {"content": "look", "transformedContent": "look at it"}},
    {
        "type": "assistant.message",
        "data": {
            "messageId": "m1",
            "apiCallId": "r1",
            "content": "",
            "reasoningText": "hm",
            "toolRequests": [{"toolCallId": "c1", "name": "bash", "arguments": {"command": "ls"}}],
        },
    },
    {"type": "session.compaction_start", "data": {}},
    {
        "type": "tool.execution_complete",
        "data": {"toolCallId": "c1", "success": True, "result": {"content": "a.py"}},
    },
    {
        "type": "session.compaction_complete",
        "data": {"success": True, "summaryContent": "So far", "preCompactionTokens": 9},
    },
    {"type": "session.truncation", "data": {"preTruncationTokensInMessages": 9}},
]

RECORDINGS: dict[str, list[dict[str, Any]]] = {
    "claude-code": CLAUDE_CODE,
    "codex": CODEX,
    "opencode": OPENCODE,
    "pi": PI,
    "copilot-cli": COPILOT_CLI,
}
"""The lines of each, by the name of its format."""
