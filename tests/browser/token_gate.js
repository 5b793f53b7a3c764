// Stands before a server and asks for tokens, as a server with tokens does: "s3cret" may do all,
// "reader" may look, others are refused.
import http from "node:http";

const OPEN = /^\/($|docs|openapi\.json|assets\/)/;

export class TokenGate {
  static async start(serverUrl) {
    const gate = new TokenGate();
    gate.listener = http.createServer((request, response) => {
      const refusal = refusalOf(request);
      if (refusal) {
        response.writeHead(refusal.status, {"Content-Type": "application/problem+json"});
        response.end(JSON.stringify(refusal));
        return;
      }
      const {method, headers} = request;
      const onward = http.request(new URL(request.url, serverUrl), {method, headers}, (answer) => {
        response.writeHead(answer.statusCode, answer.headers);
        answer.pipe(response);
      });
      request.pipe(onward);
    });
    await new Promise((done) => gate.listener.listen(0, "127.0.0.1", done));
    gate.url = `http://127.0.0.1:${gate.listener.address().port}`;
    return gate;
  }

  stop() {
    this.listener.closeAllConnections();
    this.listener.close();
  }
}

function refusalOf({url, method, headers}) {
  if (OPEN.test(url) || headers.authorization === "Bearer s3cret") return null;
  if (headers.authorization !== "Bearer reader") {
    return {type: "urn:nextid:error:unauthorized", status: 401, detail: "This call needs a token."};
  }
  if (method === "GET") return null;
  const detail = "The token 'reader' may not allocate.";
  return {type: "urn:nextid:error:forbidden", status: 403, detail};
}
