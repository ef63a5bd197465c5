/** Makes a network with a process in it, prints its namespaces, and waits to be ended. */
import { TestNetwork } from "./network.ts";

const network = await TestNetwork.create("edge");
const [program, ...args] = network.host("edge").command("sleep", "600");
const sleeper = new Deno.Command(program!, { args, stdin: "null" }).spawn();
console.log(JSON.stringify({ namespaces: network.namespaces, pid: sleeper.pid }));
await sleeper.status;
