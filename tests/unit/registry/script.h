/* SPDX-License-Identifier: Apache-2.0 */
/* A registry that answers from a table, on a thread of the test, and a store that talks to it.
 *
 * A rule answers the requests that begin with `match` ("GET /v2/a"), hold `needs` and lack `lacks`
 * in their head; the first rule that fits and is not used up answers. A reply is a status, headers
 * and a body: "202\nLocation: /x\n\nbody". "$" in headers and body is the server's host:port.
 * Content-Length is added unless the reply has its own. Each connection serves one request.
 */
#ifndef SP_TESTS_REGISTRY_SCRIPT_H
#define SP_TESTS_REGISTRY_SCRIPT_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "registry/registry.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

struct rule {
  const char *match;
  const char *needs, *lacks; /* NULL: no matter */
  const char *reply;
  int times; /* 0: always */
};

struct script {
  const struct rule *rules;
  size_t rule_count;
  int used[64];
  int listener;
  char host[32]; /* "127.0.0.1:PORT" */
  pthread_t thread;
  int stop[2];
  pthread_mutex_t lock;
  char log[65536]; /* heads and bodies of all requests */
};

static inline void script_note(struct script *script, const char *head)
{
  pthread_mutex_lock(&script->lock);
  size_t used = strlen(script->log);
  snprintf(script->log + used, sizeof script->log - used, "%s\n", head);
  pthread_mutex_unlock(&script->lock);
}

static inline size_t script_body_length(const char *head)
{
  const char *header = strcasestr(head, "\r\nContent-Length:");
  return header ? strtoul(header + 17, NULL, 10) : 0;
}

/* Reads head and body; what does not fit is dropped. */
static inline void script_read(int fd, char *head, size_t size)
{
  size_t len = 0;
  size_t need = SIZE_MAX;
  while (len + 1 < size && len < need) {
    ssize_t n = read(fd, head + len, size - 1 - len);
    if (n <= 0)
      break;
    len += (size_t)n;
    head[len] = '\0';
    const char *end = strstr(head, "\r\n\r\n");
    if (end)
      need = (size_t)(end + 4 - head) + script_body_length(head);
  }
  head[len] = '\0';
}

static inline const char *script_find(struct script *script, const char *head)
{
  for (size_t i = 0; i < script->rule_count; i++) {
    const struct rule *rule = &script->rules[i];
    if (strncmp(head, rule->match, strlen(rule->match)) != 0)
      continue;
    if ((rule->needs && !strstr(head, rule->needs)) || (rule->lacks && strstr(head, rule->lacks)))
      continue;
    if (rule->times > 0 && script->used[i] >= rule->times)
      continue;
    script->used[i]++;
    return rule->reply;
  }
  return "599\n\nno rule for this request";
}

/* The text with every "$" made the host. */
static inline size_t script_expand(const struct script *script, const char *text, char *out,
                                   size_t size)
{
  size_t n = 0;
  for (; *text && n + 1 < size; text++) {
    if (*text == '$')
      n += (size_t)snprintf(out + n, size - n, "%s", script->host);
    else
      out[n++] = *text;
  }
  out[n] = '\0';
  return n;
}

static inline void script_reply(const struct script *script, int fd, const char *reply, bool head)
{
  char text[32768];
  char out[36864];
  script_expand(script, reply, text, sizeof text);
  char *body = strstr(text, "\n\n");
  size_t body_len = body ? strlen(body + 2) : 0;
  if (body)
    *body = '\0';
  char *headers = strchr(text, '\n');
  if (headers)
    *headers++ = '\0';
  int n = snprintf(out, sizeof out, "HTTP/1.1 %s X\r\nConnection: close\r\n", text);
  if (!headers || !strcasestr(headers, "content-length:"))
    n += snprintf(out + n, sizeof out - (size_t)n, "Content-Length: %zu\r\n", body_len);
  for (char *line = headers; line && *line;) {
    size_t len = strcspn(line, "\n");
    n += snprintf(out + n, sizeof out - (size_t)n, "%.*s\r\n", (int)len, line);
    line += len + (line[len] == '\n');
  }
  n += snprintf(out + n, sizeof out - (size_t)n, "\r\n%s", body && !head ? body + 2 : "");
  if (write(fd, out, (size_t)n) < 0)
    return; /* the client hung up */
}

static inline void *script_run(void *ctx)
{
  struct script *script = ctx;
  char head[65536];
  for (;;) {
    struct pollfd fds[] = {{script->listener, POLLIN, 0}, {script->stop[0], POLLIN, 0}};
    if (poll(fds, 2, -1) < 0 || fds[1].revents)
      return NULL;
    int fd = accept(script->listener, NULL, NULL);
    if (fd < 0)
      continue;
    script_read(fd, head, sizeof head);
    if (head[0]) {
      script_note(script, head);
      script_reply(script, fd, script_find(script, head), strncmp(head, "HEAD ", 5) == 0);
    }
    shutdown(fd, SHUT_WR);
    char rest[4096];
    while (read(fd, rest, sizeof rest) > 0)
      ;
    close(fd);
  }
}

static inline void script_start(struct script *script, const struct rule *rules, size_t count)
{
  memset(script, 0, sizeof *script);
  script->rules = rules;
  script->rule_count = count;
  pthread_mutex_init(&script->lock, NULL);
  struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t len = sizeof addr;
  script->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(bind(script->listener, (struct sockaddr *)&addr, len), 0);
  assert_int_equal(listen(script->listener, 64), 0);
  assert_int_equal(getsockname(script->listener, (struct sockaddr *)&addr, &len), 0);
  snprintf(script->host, sizeof script->host, "127.0.0.1:%u", ntohs(addr.sin_port));
  assert_int_equal(pipe(script->stop), 0);
  assert_int_equal(pthread_create(&script->thread, NULL, script_run, script), 0);
}

static inline void script_stop(struct script *script)
{
  assert_int_equal(write(script->stop[1], "x", 1), 1);
  pthread_join(script->thread, NULL);
  close(script->stop[0]);
  close(script->stop[1]);
  close(script->listener);
  pthread_mutex_destroy(&script->lock);
}

/* How often the text stands in the log. */
static inline int script_count(struct script *script, const char *text)
{
  int n = 0;
  SP_LOCK_SCOPE(&script->lock);
  for (const char *at = script->log; (at = strstr(at, text)); at += strlen(text))
    n++;
  return n;
}

/* -- a store of the repository "a/b" there */
struct world {
  struct script script;
  struct sp_http *http;
  struct sp_registries *registries;
  struct sp_store *store;
  struct sp_err err;
};

static inline void world_open(struct world *world, const struct rule *rules, size_t count,
                              const struct sp_registry_settings *settings)
{
  memset(world, 0, sizeof *world);
  world->err = SP_ERR_INIT;
  script_start(&world->script, rules, count);
  struct sp_http_settings http = {.user_agent = "test"};
  struct sp_registry_settings mine = settings ? *settings : (struct sp_registry_settings){0};
  mine.host = world->script.host;
  mine.insecure = true;
  struct sp_ref ref = {.repository = "a/b"};
  snprintf(ref.host, sizeof ref.host, "%s", world->script.host);
  if (sp_http_new(&http, &world->http, &world->err) < 0 ||
      sp_registries_new(world->http, &world->registries, &world->err) < 0 ||
      sp_registries_configure(world->registries, &mine, &world->err) < 0 ||
      sp_registry_open(world->registries, &ref, &world->store, &world->err) < 0)
    fail_msg("%s", world->err.msg);
}

#define WORLD_OPEN(world, rules) world_open((world), (rules), COUNT(rules), NULL)

static inline struct sp_store *world_other_repository(struct world *world, const char *repository)
{
  struct sp_store *store = NULL;
  struct sp_ref ref;
  memset(&ref, 0, sizeof ref);
  snprintf(ref.host, sizeof ref.host, "%s", world->script.host);
  snprintf(ref.repository, sizeof ref.repository, "%s", repository);
  if (sp_registry_open(world->registries, &ref, &store, &world->err) < 0)
    fail_msg("%s", world->err.msg);
  return store;
}

static inline void world_close(struct world *world)
{
  sp_store_close(world->store);
  sp_registries_free(world->registries);
  sp_http_free(world->http);
  script_stop(&world->script);
}

static inline void expect_ok(const struct world *world, int rc)
{
  if (rc != 0)
    fail_msg("%s\n%s", world->err.msg, world->script.log);
}

static inline void expect_code(struct world *world, int rc, enum sp_code code, const char *part)
{
  if (rc != -1 || world->err.code != code || (part && !strstr(world->err.msg, part)))
    fail_msg("rc %d, %s, wanted %s with '%s': %s\n%s", rc, sp_code_name(world->err.code),
             sp_code_name(code), part ? part : "", world->err.msg, world->script.log);
  world->err = SP_ERR_INIT;
}

/* -- blobs, whole */
static inline int write_blob(struct sp_store *store, const char *bytes, struct sp_err *err)
{
  struct sp_digest digest;
  struct sp_writer *writer = NULL;
  struct sp_ring *ring = NULL;
  size_t len = strlen(bytes);
  if (sp_digest_of(SP_DIGEST_SHA256, bytes, len, &digest, err) < 0 ||
      sp_store_begin_write(store, &digest, len, &writer, err) < 0)
    return -1;
  int rc = sp_ring_new(len, 65536, 1, &ring, err);
  if (rc == 0)
    rc = writer->ops->start(writer, ring, 0, err);
  if (rc == 0) {
    assert_true(len == 0 || sp_ring_write(ring, bytes, len));
    sp_ring_close_input(ring, NULL);
    sp_ring_approve(ring);
    if (writer->ops->pump)
      rc = writer->ops->pump(writer, err);
  }
  if (rc == 0)
    rc = writer->ops->finish(writer, err);
  writer->ops->close(writer);
  sp_ring_free(ring);
  return rc;
}

/* Reads from offset to the end into out (zero-terminated). */
static inline int read_blob(struct sp_store *store, const struct sp_digest *digest, size_t size,
                            size_t offset, char *out, struct sp_err *err)
{
  struct sp_reader *reader = NULL;
  struct sp_ring *ring = NULL;
  out[0] = '\0';
  if (sp_store_open_read(store, digest, size, offset, &reader, err) < 0)
    return -1;
  assert_int_equal(sp_ring_new(size, size, 1, &ring, err), 0);
  char zeros[4096] = {0};
  assert_true(offset <= sizeof zeros && (offset == 0 || sp_ring_write(ring, zeros, offset)));
  int rc = reader->ops->start ? reader->ops->start(reader, ring, err)
                              : reader->ops->pump(reader, ring, err);
  uint64_t seen = 0;
  while (rc == 0 && sp_ring_input_state(ring, err) == SP_RING_OPEN) {
    seen = sp_ring_wait(ring, seen, 200);
    if (reader->ops->pump)
      rc = reader->ops->pump(reader, ring, err);
  }
  if (rc == 0 && sp_ring_input_state(ring, err) == SP_RING_FAILED)
    rc = -1;
  const char *bytes;
  bool end;
  bool aborted;
  sp_ring_set_exempt(ring, 0);
  size_t n = sp_ring_peek(ring, 0, &bytes, &end, &aborted);
  if (rc == 0) {
    assert_int_equal(n, size);
    memcpy(out, bytes + offset, size - offset);
    out[size - offset] = '\0';
  }
  reader->ops->close(reader);
  sp_ring_free(ring);
  return rc;
}

#endif
