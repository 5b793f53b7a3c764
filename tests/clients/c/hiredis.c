/* hiredis, the C client. tests/e2e/test_redis_clients.py says what must come out.
 *   PROGRAM PORT COUNTER [TOKEN] */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

static redisContext *client;

static void check(redisReply *reply) {
  if (reply == NULL) {
    fprintf(stderr, "%s\n", client->errstr);
    exit(1);
  }
}

static void say_value(redisReply *reply) {
  check(reply);
  if (reply->type == REDIS_REPLY_INTEGER) printf(" %lld", reply->integer);
  else if (reply->type == REDIS_REPLY_NIL) printf(" none");
  else if (reply->type == REDIS_REPLY_ARRAY)
    for (size_t i = 0; i < reply->elements; ++i) say_value(reply->element[i]);
  else printf(" %s", reply->str);
}

static void say(const char *name, redisReply *reply) {
  printf("%s", name);
  say_value(reply);
  printf("\n");
  freeReplyObject(reply);
}

static redisReply *next_reply(void) {
  void *reply = NULL;
  redisGetReply(client, &reply);
  return reply;
}

int main(int count, char **arguments) {
  const char *counter = arguments[2];
  client = redisConnect("127.0.0.1", atoi(arguments[1]));
  if (client == NULL || client->err) return 1;
  if (count > 3) freeReplyObject(redisCommand(client, "AUTH %s", arguments[3]));

  say("incr", redisCommand(client, "INCR %s", counter));
  say("incrby", redisCommand(client, "INCRBY %s 10", counter));
  say("get", redisCommand(client, "GET %s", counter));
  say("missing", redisCommand(client, "GET %s.none", counter));
  for (int i = 0; i < 10; ++i) redisAppendCommand(client, "INCR %s", counter);
  printf("pipeline");
  for (int i = 0; i < 10; ++i) {
    redisReply *reply = next_reply();
    say_value(reply);
    freeReplyObject(reply);
  }
  printf("\n");
  redisAppendCommand(client, "MULTI");
  redisAppendCommand(client, "INCR %s", counter);
  redisAppendCommand(client, "INCRBY %s 10", counter);
  redisAppendCommand(client, "GET %s", counter);
  redisAppendCommand(client, "EXEC");
  for (int i = 0; i < 4; ++i) {
    redisReply *queued = next_reply();
    check(queued);
    freeReplyObject(queued);
  }
  say("transaction", next_reply());
  say("refused", redisCommand(client, "DECR %s", counter));
  say("large", redisCommand(client, "INCR %s.large", counter));
  redisFree(client);
  return 0;
}
