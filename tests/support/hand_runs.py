"""Small runs in the formats of other harnesses, each with what is special in it."""

from __future__ import annotations

from typing import Any

Run = dict[str, Any]


def gemini_call(call_id: Any, name: str, args: Any, response: Any, **fields: Any) -> Run:
    part = {"functionResponse": {"id": call_id, "name": name, "response": response}}
    return {"id": call_id, "name": name, "args": args, "result": [part], **fields}


def gemini_chat(*messages: Run) -> Run:
    return {"sessionId": "s-1", "projectHash": "ab12", "messages": list(messages)}


GEMINI = gemini_chat(
    {"id": "1", "type": "info", "content": "Update available."},
    {
        "id": "2",
        "type": "user",
        "content": [
            {"text": "Fix @app.py"},
            {"text": "\n--- Content from referenced files ---"},
            {"text": "import yaml"},
            {"inlineData": {"mimeType": "image/png", "data": "iVBO"}},
        ],
    },
    {
        "id": "3",
        "type": "gemini",
        "timestamp": "2026-01-01T00:00:00Z",
        "content": "Looking.",
        "thoughts": [{"subject": "Plan", "description": "Read it."}],
        "tokens": {"input": 900, "output": 5, "cached": 800},
        "toolCalls": [
            gemini_call(
                "c1", "read_file", {"file_path": "a"}, {"output": "text"}, status="success"
            ),
            gemini_call("c2", "shell", {"command": "x"}, {"error": "no"}, status="error"),
        ],
    },
    {"id": "4", "type": "gemini", "content": "Done."},
)


def mini_said(text: str, **response: Any) -> Run:
    return {"role": "assistant", "content": text, "extra": {"response": response}}


def mini_run(*messages: Run, exit_status: str = "Submitted") -> Run:
    return {
        "info": {"exit_status": exit_status},
        "messages": list(messages),
        "instance_id": "repo__issue-1",
        "trajectory_format": "mini-swe-agent-1",
    }


MINI = mini_run(
    {"role": "system", "content": "One bash block."},
    {"role": "user", "content": "Fix it."},
    mini_said(
        "THOUGHT: look\n\n```bash\nls -F\n```",
        usage={"prompt_tokens": 70},
        choices=[{"message": {"reasoning": "hm"}}],
    ),
    {"role": "user", "content": "<returncode>0</returncode>\n<output>\na/\n</output>"},
    mini_said("THOUGHT: send\n\n```bash\nsubmit\n```"),
    {"role": "user", "content": "diff --git a b"},
)


def swe_call(call_id: str, name: str, arguments: str) -> Run:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def swe_run(*history: Run) -> Run:
    return {"environment": "e", "trajectory": [], "info": {}, "history": list(history)}


SWE = swe_run(
    {"role": "system", "content": "SETTING", "agent": "main"},
    {"role": "user", "content": "A worked example.", "agent": "main", "is_demo": True},
    {"role": "user", "content": "Fix it.", "agent": "main"},
    {
        "role": "assistant",
        "content": "Open it.\n```\nopen a.py 3\n```",
        "thought": "Open it.\n",
        "action": "open a.py 3\n",
        "agent": "main",
    },
    {"role": "user", "content": "[File: a.py]", "agent": "main"},
    {
        "role": "assistant",
        "content": "Run it.",
        "thought": "Run it.",
        "action": "python a.py",
        "agent": "main",
        "tool_calls": [swe_call("c1", "bash", '{"command": "python a.py"}')],
    },
    {"role": "tool", "content": "ok", "agent": "main", "tool_call_ids": ["c1"]},
)


def openhands_metadata(response: str, call_id: str, name: str, arguments: str, size: int) -> Run:
    call = swe_call(call_id, name, arguments)
    answer = {"role": "assistant", "content": "Looking.", "tool_calls": [call]}
    return {
        "function_name": name,
        "tool_call_id": call_id,
        "total_calls_in_response": 1,
        "model_response": {
            "id": response,
            "usage": {"prompt_tokens": size},
            "choices": [{"message": answer}],
        },
    }


def openhands_run(*history: Any, **fields: Any) -> Run:
    return {
        "instance_id": "repo__issue-1",
        "instruction": "Fix.",
        "history": list(history),
        **fields,
    }


OPENHANDS = openhands_run(
    {"id": 0, "source": "agent", "action": "system", "args": {"content": "You are.", "tools": []}},
    {"id": 1, "source": "user", "action": "message", "args": {"content": "Fix it."}},
    {"id": 2, "source": "user", "action": "recall", "args": {"query": "Fix it."}},
    {
        "id": 3,
        "source": "environment",
        "observation": "recall",
        "cause": 2,
        "content": "Added workspace context",
        "extras": {"recall_type": "workspace_context", "repo_instructions": "Use tabs."},
    },
    {
        "id": 4,
        "source": "agent",
        "timestamp": "2026-01-01T00:00:00",
        "action": "run",
        "args": {"command": "ls", "thought": "Looking.", "security_risk": "LOW"},
        "tool_call_metadata": openhands_metadata(
            "r1", "toolu_01", "execute_bash", '{"command": "ls", "security_risk": "LOW"}', 500
        ),
    },
    {
        "id": 5,
        "source": "agent",
        "observation": "run",
        "cause": 4,
        "content": "a.py",
        "extras": {"metadata": {"exit_code": 2, "prefix": "[", "suffix": "]"}},
    },
    {
        "id": 6,
        "source": "agent",
        "action": "condensation",
        "args": {"forgotten_event_ids": [4, 5], "summary": "Listed files.", "summary_offset": 1},
    },
    {"id": 7, "source": "agent", "action": "finish", "args": {"final_thought": "Done."}},
)

OPENHANDS_FLAT = {
    "issue": {"owner": "o", "repo": "r", "number": 5},
    "instruction": "Fix.",
    "history": [
        {"action": "message", "content": "Fix it.", "wait_for_response": False},
        {
            "action": "run",
            "command": "ls",
            "thought": "Looking.",
            "keep_prompt": True,
            "is_confirmed": "confirmed",
        },
        {"observation": "run", "content": "a.py", "command": "ls", "exit_code": 0},
        {"action": "finish", "thought": "Done.", "outputs": {}},
    ],
}

TAU_BENCH = [
    {
        "task_id": 3,
        "trial": 1,
        "traj": [
            {"role": "system", "content": "Policy."},
            {"role": "user", "content": "Hi."},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [swe_call("c1", "get_user", '{"id": 7}')],
            },
            {"role": "tool", "tool_call_id": "c1", "name": "get_user", "content": "{}"},
            {"role": "user", "content": "###STOP###"},
        ],
    }
]

FILES: dict[str, list[Any]] = {
    "gemini-cli": [GEMINI],
    "gemini-cli lines": [
        {"sessionId": "s-1", "projectHash": "ab12"},
        *GEMINI["messages"],
        {"$set": {"messages": [{"id": "9", "type": "user", "content": "Go on."}]}},
        {"$rewindTo": "4"},
    ],
    "mini-swe-agent": [MINI],
    "swe-agent": [SWE],
    "openhands": [OPENHANDS],
    "openhands flat": [OPENHANDS_FLAT],
    "tau-bench": TAU_BENCH,
}
"""The lines of a file of each format; what follows the format's name tells its forms apart."""
