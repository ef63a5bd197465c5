import { ConfigError } from "../errors.ts";
import { explainArguments } from "./arguments.ts";

/** A command of the program. */
export type Command = "serve" | "doctor" | "list-cameras" | "help" | "version";

const COMMANDS: Readonly<Record<string, Command>> = {
  "doctor": "doctor",
  "--list-cameras": "list-cameras",
  "--help": "help",
  "-h": "help",
  "--version": "version",
};

/** Order of precedence, if the arguments contain several commands. */
const PRECEDENCE: readonly Command[] = ["help", "version", "list-cameras", "doctor"];

/** Reads the command line. @throws {ConfigError} If it contains an unknown argument. */
export function readCommand(args: readonly string[]): Command {
  const commands = args.map((arg) => {
    const command = Object.hasOwn(COMMANDS, arg) ? COMMANDS[arg] : undefined;
    if (command) return command;
    throw new ConfigError(explainArguments(args, arg));
  });
  return PRECEDENCE.find((command) => commands.includes(command)) ?? "serve";
}
