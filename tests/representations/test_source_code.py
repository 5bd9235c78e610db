"""Source code: the outline."""

from __future__ import annotations

import pytest

from clawvm.representations.source_code import compress

PYTHON = '''\
     1→"""A module."""
     2→
     3→from __future__ import annotations
     4→
     5→import os
     6→
     7→LIMIT = 10
     8→
     9→
    10→@dataclass
    11→class Store:
    12→    """Keeps things."""
    13→
    14→    path: str
    15→
    16→    def read(
    17→        self,
    18→        name: str,
    19→    ) -> bytes:
    20→        with open(os.path.join(self.path, name), "rb") as file:
    21→            data = file.read()
    22→            return data if len(data) < LIMIT else data[:LIMIT]
    23→
    24→    async def close(self) -> None:
    25→        for handle in self.handles:
    26→            await handle.close()
    27→            self.closed.append(handle.name)
    28→            logger.info("closed one handle of the store that was open")
    29→        await self.pool.drain(timeout=self.timeout, force=self.force_close)
    30→        self.metrics.observe("closed", len(self.closed), labels=self.labels)
'''

PYTHON_OUTLINE = """\
[outline of 946 chars, 30 lines]
3→from __future__ import annotations
5→import os
7→LIMIT = 10
10→@dataclass
11→class Store:
16→    def read(
17→        self,
18→        name: str,
19→    ) -> bytes:
24→    async def close(self) -> None:"""

GO = """\
package store

import (
\t"os"
\t"sort"
)

type Record struct {
\tName string `json:"name"`
\tSize int    `json:"size"`
}

func (s *Store) Read(name string) (*Record, error) {
\tif err := s.check(name); err != nil {
\t\treturn nil, fmt.Errorf("checking the name of the record: %w", err)
\t}
\tsort.Slice(s.records, func(i, j int) bool {
\t\treturn s.records[i].Name < s.records[j].Name
\t})
\tindex := sort.Search(len(s.records), func(i int) bool { return s.records[i].Name >= name })
\tif index == len(s.records) || s.records[index].Name != name {
\t\treturn nil, os.ErrNotExist
\t}
\treturn s.records[index], nil
}
"""

GO_OUTLINE = """\
package store
import (
\t"os"
\t"sort"
)
type Record struct {
\tName string `json:"name"`
\tSize int    `json:"size"`
}
func (s *Store) Read(name string) (*Record, error) {"""

TYPESCRIPT = """\
import {
  readFile,
  writeFile,
} from "node:fs/promises";

export const LIMIT = 10;

export class Store {
  private readonly path: string;

  constructor(path: string) {
    this.path = path;
    this.records = new Map<string, Record<string, unknown>>();
  }

  async read(name: string): Promise<string> {
    if (this.closed) {
      throw new Error("the store has been closed, open it again before you read from it");
    }
    const text = await readFile(join(this.path, name), "utf8");
    for (const line of text.split("\\n")) {
      this.records.set(line, JSON.parse(line) as Record<string, unknown>);
    }
    return text.slice(0, LIMIT);
  }
}

const later = async (task: () => void) => {
  await new Promise((resolve) => setTimeout(resolve, 10));
  task();
};

describe("Store", () => {
  it("reads what was written", async () => {
    const store = new Store("/tmp/a-path-that-is-long-enough");
    expect(await store.read("name")).toBe("what was written before");
  });
});
"""

TYPESCRIPT_OUTLINE = """\
import {
  readFile,
  writeFile,
} from "node:fs/promises";
export const LIMIT = 10;
export class Store {
  private readonly path: string;
  constructor(path: string) {
  async read(name: string): Promise<string> {
const later = async (task: () => void) => {
describe("Store", () => {
  it("reads what was written", async () => {"""


def test_python_keeps_imports_constants_heads_and_whole_signatures_with_their_numbers(source_of):
    assert compress(source_of("code", PYTHON)).text == PYTHON_OUTLINE


@pytest.mark.parametrize(("text", "outline"), [(GO, GO_OUTLINE), (TYPESCRIPT, TYPESCRIPT_OUTLINE)])
def test_other_languages_keep_the_same(source_of, text, outline):
    assert compress(source_of("code", text)).text.split("\n", 1)[1] == outline


def test_a_cut_out_that_defines_nothing_keeps_its_outermost_lines(source_of):
    text = "".join(
        f"    for item in group_{n}:\n"
        "        first.append(item.name)\n"
        "        second.append(item.value)\n"
        for n in range(10)
    )
    lines = compress(source_of("code", text)).text.splitlines()[1:]
    assert lines == [f"    for item in group_{n}:" for n in range(10)]


def test_quality_grows_with_the_share_that_is_kept(source_of):
    body = "        result = compute_the_next_value(result, argument)\n"
    short = compress(source_of("code", "def f(argument):\n" + 4 * body))
    long = compress(source_of("code", "def f(argument):\n" + 40 * body))
    assert short.quality > 2 * long.quality


def test_a_signature_whose_bracket_never_closes_keeps_its_first_line(source_of):
    text = "def f(\n" + "call(1)\n" * 30
    assert compress(source_of("code", text)).text.splitlines()[1:] == ["def f("]
