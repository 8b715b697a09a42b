"""Files of many types, made from the standard library alone: make(FOLDER) writes them and returns their paths."""
import bz2, gzip, io, json, lzma, os, pathlib, pickle, py_compile, random, sqlite3, struct, sys, tarfile, wave, zipfile, zlib

TEXTS = {
    "main.c": '#include <stdio.h>\n#include <stdlib.h>\n\nstatic int square(int x) { return x * x; }\n\nint main(int argc, char **argv) {\n  for (int i = 0; i < argc; i++)\n    printf("%d %s\\n", square(i), argv[i]);\n  return EXIT_SUCCESS;\n}\n',
    "list.cpp": '#include <vector>\n#include <iostream>\n\nnamespace shop {\ntemplate <class T> class List {\n public:\n  void add(T value) { items_.push_back(std::move(value)); }\n  auto begin() const { return items_.begin(); }\n private:\n  std::vector<T> items_;\n};\n}  // namespace shop\n\nint main() { shop::List<int> l; l.add(3); for (auto x : l) std::cout << x << std::endl; }\n',
    "Main.java": 'package org.example;\n\nimport java.util.ArrayList;\nimport java.util.List;\n\npublic class Main {\n  private final List<String> names = new ArrayList<>();\n\n  public static void main(String[] args) {\n    System.out.println("hello " + args.length);\n  }\n}\n',
    "main.go": 'package main\n\nimport (\n\t"fmt"\n\t"os"\n)\n\nfunc main() {\n\tfor i, arg := range os.Args {\n\t\tfmt.Printf("%d %s\\n", i, arg)\n\t}\n}\n',
    "lib.rs": 'use std::collections::HashMap;\n\npub struct Counter { counts: HashMap<String, usize> }\n\nimpl Counter {\n    pub fn new() -> Self { Self { counts: HashMap::new() } }\n    pub fn add(&mut self, word: &str) -> Option<usize> {\n        *self.counts.entry(word.to_string()).or_insert(0) += 1;\n        self.counts.get(word).copied()\n    }\n}\n',
    "tool.py": 'import sys\nfrom pathlib import Path\n\n\ndef count(path: Path) -> int:\n    """Lines of a file."""\n    with path.open() as f:\n        return sum(1 for _ in f)\n\n\nif __name__ == "__main__":\n    for name in sys.argv[1:]:\n        print(name, count(Path(name)))\n',
    "app.js": "'use strict';\nconst http = require('http');\n\nconst server = http.createServer((request, response) => {\n  response.writeHead(200, {'Content-Type': 'text/plain'});\n  response.end(`hello ${request.url}\\n`);\n});\nserver.listen(8080, () => console.log('listening'));\nmodule.exports = { server };\n",
    "app.ts": "interface User { name: string; age?: number }\n\nexport class Users {\n  private readonly all: Map<string, User> = new Map();\n  add(user: User): void { this.all.set(user.name, user); }\n  get(name: string): User | undefined { return this.all.get(name); }\n}\n",
    "app.rb": "require 'json'\n\nclass Greeter\n  attr_reader :name\n\n  def initialize(name)\n    @name = name\n  end\n\n  def greet\n    puts \"Hello, #{name}!\"\n  end\nend\n\n%w[a b].each { |n| Greeter.new(n).greet }\n",
    "index.php": "<?php\nnamespace App;\n\nfunction greet(string $name): string {\n    return \"Hello, $name\";\n}\n\nforeach ($_GET as $key => $value) {\n    echo htmlspecialchars(greet($value)), '<br>';\n}\n",
    "run.pl": '#!/usr/bin/perl\nuse strict;\nuse warnings;\n\nmy %count;\nwhile (my $line = <STDIN>) {\n    chomp $line;\n    $count{$_}++ for split /\\s+/, $line;\n}\nprintf "%s %d\\n", $_, $count{$_} for sort keys %count;\n',
    "game.lua": 'local Player = {}\nPlayer.__index = Player\n\nfunction Player.new(name)\n  local self = setmetatable({}, Player)\n  self.name = name\n  return self\nend\n\nfunction Player:greet()\n  print("hello " .. self.name)\nend\n\nfor i = 1, 3 do Player.new("p" .. i):greet() end\n',
    "run.sh": '#!/bin/bash\nset -euo pipefail\n\nfor file in "$@"; do\n  if [[ -f "$file" ]]; then\n    echo "$(wc -l < "$file") $file"\n  fi\ndone | sort -n\nexit 0\n',
    "run.bat": "@echo off\r\nsetlocal enabledelayedexpansion\r\nfor %%f in (*.txt) do (\r\n  echo %%f\r\n  copy \"%%f\" \"%TEMP%\\%%f\" >nul\r\n)\r\nif errorlevel 1 goto end\r\n:end\r\nendlocal\r\n",
    "run.ps1": 'param([string]$Path = ".")\n\nfunction Get-Size {\n    param($Folder)\n    Get-ChildItem -Path $Folder -Recurse | Measure-Object -Property Length -Sum | Select-Object -ExpandProperty Sum\n}\n\n$size = Get-Size -Folder $Path\nWrite-Host "Size: $size"\n',
    "query.sql": "CREATE TABLE users (id INTEGER PRIMARY KEY, name VARCHAR(64) NOT NULL);\nINSERT INTO users (id, name) VALUES (1, 'ann'), (2, 'bob');\nSELECT u.name, COUNT(*) AS n FROM users u LEFT JOIN orders o ON o.user_id = u.id\nWHERE u.id > 0 GROUP BY u.name HAVING COUNT(*) > 1 ORDER BY n DESC;\n",
    "page.html": "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Page</title></head>\n<body><h1>Title</h1><p>Some <b>text</b> and a <a href=\"x.html\">link</a>.</p></body>\n</html>\n",
    "page.xml": "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<catalogue>\n  <book id=\"1\"><title>One</title><price currency=\"EUR\">12.5</price></book>\n  <book id=\"2\"><title>Two</title></book>\n</catalogue>\n",
    "drawing.svg": "<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"100\" height=\"100\">\n  <circle cx=\"50\" cy=\"50\" r=\"40\" fill=\"red\"/>\n  <path d=\"M10 10 L90 90\" stroke=\"black\"/>\n</svg>\n",
    "style.css": "body {\n  margin: 0;\n  font-family: sans-serif;\n}\n.card > h1:hover { color: #336699; padding: 4px 8px; }\n@media (max-width: 600px) { .card { display: none; } }\n",
    "data.json": json.dumps({"name": "x", "values": list(range(40)), "nested": {"a": None, "b": [True, False]}}, indent=2) + "\n",
    "data.jsonl": "".join(json.dumps({"id": i, "event": "click", "x": i * 3}) + "\n" for i in range(30)),
    "data.csv": "id,name,price,date\n" + "".join(f"{i},item {i},{i * 1.5},2024-01-{i % 28 + 1:02}\n" for i in range(60)),
    "data.tsv": "id\tname\tprice\n" + "".join(f"{i}\titem {i}\t{i * 1.5}\n" for i in range(60)),
    "config.yaml": "version: 2\nservices:\n  web:\n    image: nginx:latest\n    ports:\n      - \"80:80\"\n    environment:\n      DEBUG: \"false\"\n  db:\n    image: postgres\n",
    "config.toml": "[package]\nname = \"thing\"\nversion = \"0.1.0\"\n\n[dependencies]\nserde = { version = \"1.0\", features = [\"derive\"] }\n\n[[bin]]\npath = \"src/main.rs\"\n",
    "config.ini": "; settings\n[server]\nhost = localhost\nport = 8080\n\n[client]\nretries = 3\ntimeout = 20\n",
    "readme.md": "# Title\n\nSome *emphasis*, a [link](https://example.org) and `code`.\n\n## Usage\n\n```sh\nmake install\n```\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n",
    "readme.rst": "Title\n=====\n\nSome *emphasis* and ``code``.\n\n.. code-block:: python\n\n   import os\n\n.. note::\n\n   Careful.\n\nSection\n-------\n\n* one\n* two\n",
    "paper.tex": "\\documentclass{article}\n\\usepackage{amsmath}\n\\begin{document}\n\\section{One}\nLet $x^2 + y^2 = z^2$ and\n\\begin{equation}\n\\int_0^1 f(x)\\,dx = 1\n\\end{equation}\n\\end{document}\n",
    "Makefile": "CC = gcc\nCFLAGS = -O2 -Wall\nOBJ = main.o list.o\n\nall: program\n\nprogram: $(OBJ)\n\t$(CC) $(CFLAGS) -o $@ $^\n\n%.o: %.c\n\t$(CC) $(CFLAGS) -c $<\n\n.PHONY: clean\nclean:\n\trm -f $(OBJ) program\n",
    "CMakeLists.txt": "cmake_minimum_required(VERSION 3.16)\nproject(thing CXX)\nset(CMAKE_CXX_STANDARD 20)\nadd_executable(thing main.cpp list.cpp)\ntarget_link_libraries(thing PRIVATE Threads::Threads)\nif(BUILD_TESTING)\n  add_subdirectory(tests)\nendif()\n",
    "Dockerfile": "FROM debian:12\nRUN apt-get update && apt-get install -y python3\nWORKDIR /app\nCOPY . .\nEXPOSE 8080\nENV MODE=production\nENTRYPOINT [\"python3\", \"app.py\"]\n",
    "change.diff": "diff --git a/x.c b/x.c\nindex 83db48f..bf269f4 100644\n--- a/x.c\n+++ b/x.c\n@@ -1,4 +1,4 @@\n int main() {\n-  return 0;\n+  return 1;\n }\n",
    "mail.eml": "From: ann@example.org\nTo: bob@example.org\nSubject: Meeting\nDate: Mon, 1 Jan 2024 10:00:00 +0000\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\nHello Bob,\nsee you tomorrow.\n",
    "meeting.ics": "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\nBEGIN:VEVENT\r\nUID:1@example.org\r\nDTSTART:20240101T100000Z\r\nSUMMARY:Meeting\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
    "film.srt": "".join(f"{i}\n00:00:{i:02},000 --> 00:00:{i + 1:02},500\nLine number {i}\n\n" for i in range(1, 20)),
    "film.vtt": "WEBVTT\n\n" + "".join(f"00:00:{i:02}.000 --> 00:00:{i + 1:02}.500\nLine number {i}\n\n" for i in range(1, 20)),
    "list.m3u": "#EXTM3U\n#EXTINF:123,Artist - Title\nmusic/one.mp3\n#EXTINF:321,Artist - Other\nmusic/two.mp3\n",
    "Main.kt": 'package org.example\n\ndata class User(val name: String, var age: Int? = null)\n\nfun main(args: Array<String>) {\n    val users = listOf(User("ann", 3), User("bob"))\n    users.filter { it.age != null }.forEach { println("${it.name} ${it.age}") }\n}\n',
    "View.swift": 'import SwiftUI\n\nstruct ContentView: View {\n    @State private var count = 0\n    var body: some View {\n        VStack { Text("Count \\(count)"); Button("More") { count += 1 } }\n    }\n}\n',
    "Main.hs": 'module Main where\n\nimport qualified Data.Map as Map\n\ncount :: [String] -> Map.Map String Int\ncount = foldr (\\w -> Map.insertWith (+) w 1) Map.empty\n\nmain :: IO ()\nmain = interact (show . Map.toList . count . words)\n',
    "Main.scala": 'package org.example\n\nobject Main extends App {\n  case class User(name: String, age: Option[Int])\n  val users = List(User("ann", Some(3)), User("bob", None))\n  users.collect { case User(n, Some(a)) => s"$n $a" }.foreach(println)\n}\n',
    "Program.cs": 'using System;\nusing System.Linq;\n\nnamespace Example\n{\n    public class Program\n    {\n        public static void Main(string[] args)\n        {\n            Console.WriteLine(args.Where(a => a.Length > 2).Count());\n        }\n    }\n}\n',
    "plain.txt": "It was a quiet evening, and nobody in the village expected the letter that came.\nThey read it twice and then they went to bed.\n" * 5,
    "book.ipynb": json.dumps({"cells": [{"cell_type": "code", "execution_count": 1, "metadata": {}, "outputs": [], "source": ["import os\n"]}], "metadata": {"kernelspec": {"name": "python3"}}, "nbformat": 4, "nbformat_minor": 5}, indent=1),
    "only_space": " \n\t\r\n" * 50,
    "few": "hi",
    "little": "   abc   \n",
    "utf8_few": "\u00e9\u20ac",
}


def png():
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + bytes((x * y) % 256 for x in range(64)) for y in range(64))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 64, 8, 0, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def wav():
    out = io.BytesIO()
    with wave.open(out, "wb") as w:
        w.setnchannels(1), w.setsampwidth(2), w.setframerate(8000)
        w.writeframes(b"".join(struct.pack("<h", (i * 37) % 3000) for i in range(4000)))
    return out.getvalue()


def archive(kind):
    out = io.BytesIO()
    if kind == "tar":
        with tarfile.open(fileobj=out, mode="w") as t:
            for name in ["main.c", "tool.py"]:
                info = tarfile.TarInfo(name)
                info.size = len(TEXTS[name].encode())
                t.addfile(info, io.BytesIO(TEXTS[name].encode()))
        return out.getvalue()
    names = {"zip": ["main.c", "tool.py"], "jar": ["META-INF/MANIFEST.MF", "org/example/Main.class"],
             "docx": ["[Content_Types].xml", "_rels/.rels", "word/document.xml"], "epub": ["mimetype", "META-INF/container.xml", "OEBPS/content.opf"]}[kind]
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name in names:
            z.writestr(zipfile.ZipInfo(name), TEXTS.get(name, TEXTS["page.xml"]) if name != "mimetype" else "application/epub+zip")
    return out.getvalue()


def pdf():
    return (b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n"
            b"3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Contents 4 0 R >>\nendobj\n4 0 obj\n<< /Length 44 >>\nstream\n"
            b"BT /F1 24 Tf 50 100 Td (Hello there) Tj ET\nendstream\nendobj\nxref\n0 5\n0000000000 65535 f \ntrailer\n<< /Size 5 /Root 1 0 R >>\nstartxref\n300\n%%EOF\n")


def binaries():
    noise = random.Random(1)
    yield "image.png", png()
    yield "image.gif", b"GIF89a" + struct.pack("<HHBBB", 16, 16, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff" + b"," + struct.pack("<HHHHB", 0, 0, 16, 16, 0) + b"\x02\x08" + noise.randbytes(8) + b"\0;"
    yield "image.bmp", b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54 + 48 * 16, 0, 0, 54, 40, 16, 16, 1, 24, 0, 768, 2835, 2835, 0, 0) + noise.randbytes(768)
    yield "image.ico", struct.pack("<HHHBBBBHHII", 0, 1, 1, 16, 16, 0, 0, 1, 32, 1128, 22) + struct.pack("<IiiHHIIiiII", 40, 16, 32, 1, 32, 0, 0, 0, 0, 0, 0) + b"\x10\x20\x30\xff" * 256
    yield "sound.wav", wav()
    yield "paper.pdf", pdf()
    for kind in ["zip", "jar", "docx", "epub", "tar"]:
        yield f"archive.{kind}", archive(kind)
    text = "".join(TEXTS.values()).encode()
    yield "text.gz", gzip.compress(text, mtime=0)
    yield "text.bz2", bz2.compress(text)
    yield "text.xz", lzma.compress(text)
    yield "text.zlib", zlib.compress(text)
    yield "object.pickle", pickle.dumps({"a": list(range(100)), "b": "text" * 20, "c": {1.5: None}}, protocol=4)
    yield "array.npy", b"\x93NUMPY\x01\0" + struct.pack("<H", 118) + b"{'descr': '<f4', 'fortran_order': False, 'shape': (64,), }".ljust(117) + b"\n" + b"\0\0\x80?" * 64
    yield "module.wasm", b"\0asm\x01\0\0\0\x01\x07\x01\x60\x02\x7f\x7f\x01\x7f\x03\x02\x01\0\x07\x07\x01\x03add\0\0\x0a\x09\x01\x07\0 \0 \x01j\x0b"
    yield "Main.class", b"\xca\xfe\xba\xbe\0\0\0\x37\0\x1d\x0a\0\x06\0\x0f\x09\0\x10\0\x11\x08\0\x12\x0a\0\x13\0\x14\x07\0\x15\x07\0\x16\x01\0\x06<init>\x01\0\x03()V\x01\0\x04Code\x01\0\x0fLineNumberTable\x01\0\x04main\x01\0\x16([Ljava/lang/String;)V\x01\0\x0aSourceFile\x01\0\x09Main.java"
    yield "song.mid", b"MThd\0\0\0\x06\0\0\0\x01\0\x60MTrk\0\0\0\x14\0\xc0\x05\0\x90\x3c\x40\x60\x80\x3c\x40\0\x90\x40\x40\x60\x80\x40\x40\0\xff\x2f\0"
    yield "random.bin", noise.randbytes(20000)
    yield "zeros.bin", bytes(5000)
    yield "latin1.txt", ("na\u00efve caf\u00e9 \u00e0 la carte\n" * 30).encode("latin-1")
    yield "few_bytes.bin", b"\xff\xfe\x80"
    yield "padded.bin", b"  \xc3\x28  " + b" " * 100
    yield "surrogate.txt", b"\xed\xa0\x80"
    yield "long.py", (TEXTS["tool.py"] * 100).encode()
    yield "empty", b""
    yield "interpreter", pathlib.Path(os.path.realpath(sys.executable)).read_bytes()[:200000]


def make(folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in TEXTS.items():
        (folder / name).write_bytes(text.encode())
    for name, data in binaries():
        (folder / name).write_bytes(data)
    (folder / "tool.pyc").unlink(missing_ok=True)
    py_compile.compile(str(folder / "tool.py"), str(folder / "tool.pyc"))
    database = folder / "data.sqlite"
    database.unlink(missing_ok=True)
    with sqlite3.connect(database) as connection:
        connection.executescript(TEXTS["query.sql"].split("SELECT")[0])
    connection.close()
    (folder / "a_folder").mkdir(exist_ok=True)
    return sorted(folder.iterdir())
