// The `hub-auth` command: a stored token that is still good is printed at once; all else loads the rest of the program.
import { printed } from "./warmToken.ts"

// Whatever is imported here is paid for by every `curl -H "Authorization: Bearer $(hub-auth token)"`.
if (!(await printed(process.argv.slice(2), process.env))) await import("./main.ts")
