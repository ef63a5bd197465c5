/**
 * Runs every client that people point at such a server, the real program where Debian has it, else a reader
 * by its rules, and prints what each did. `deno task test:clients --filter VLC` runs one.
 */
import { printTable } from "./client.ts";
import "./programs.ts";
import "./readers.ts";

import "./windows.ts";
import "./nginx.ts";
import "./works_with.ts";

Deno.test.afterAll(printTable);
