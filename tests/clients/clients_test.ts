/**
 * Tests common clients of MJPEG servers: the real program where Debian packages it, else a reader
 * that follows its rules. Prints a table of the results. `deno task test:clients --filter VLC` runs
 * one of them.
 */
import { printTable } from "./client.ts";
import "./programs.ts";
import "./sound.ts";
import "./readers.ts";
import "./sizes.ts";
import "./image_recovery.ts";
import "./windows.ts";
import "./nginx.ts";
import "./home_assistant_sound.ts";
import "./works_with.ts";

Deno.test.afterAll(printTable);
