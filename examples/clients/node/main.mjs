// Prints the id of a key: node main.mjs COUNTER KEY
import {nextId} from "./next_id.mjs";

console.log(String(await nextId(...process.argv.slice(2))));
