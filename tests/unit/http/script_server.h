/* SPDX-License-Identifier: Apache-2.0 */
/* A small server for tests: one thread per connection, a handler per request, every request head
 * kept. It does what the test tells it, however wrong. */
#ifndef SP_TESTS_SCRIPT_SERVER_H
#define SP_TESTS_SCRIPT_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SERVER_HEADS_MAX 64
#define SERVER_HEAD_BYTES 8192
#define SERVER_CONNECTIONS_MAX 64

struct server;
/* One request: `head` ends with the blank line; the body has not been read. Answers whether the
 * connection goes on. */
typedef bool server_handler(struct server *server, int fd, const char *head);

struct server {
  int fd;
  uint16_t port;
  server_handler *handler;
  const void *ctx;
  pthread_t thread;
  pthread_mutex_t lock;
  atomic_bool stop;
  int count; /* requests so far */
  char heads[SERVER_HEADS_MAX][SERVER_HEAD_BYTES];
  int connection_count;
  int fds[SERVER_CONNECTIONS_MAX];
  pthread_t connections[SERVER_CONNECTIONS_MAX];
};

static inline void server_send(int fd, const char *bytes, size_t n)
{
  while (n > 0) {
    ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
    if (sent <= 0)
      return;
    bytes += sent;
    n -= (size_t)sent;
  }
}

static inline void server_say(int fd, const char *text)
{
  server_send(fd, text, strlen(text));
}

/* Value of a header of a head, or -1. */
static inline long long server_length(const char *head)
{
  const char *at = strcasestr(head, "\r\nContent-Length:");
  return at ? strtoll(at + 17, NULL, 10) : -1;
}

/* Reads n bytes of a body; answers how many there were. */
static inline size_t server_read(int fd, char *out, size_t n)
{
  char scrap[65536];
  size_t got = 0;
  while (got < n) {
    size_t want = n - got < sizeof scrap ? n - got : sizeof scrap;
    ssize_t r = recv(fd, out ? out + got : scrap, want, 0);
    if (r <= 0)
      break;
    got += (size_t)r;
  }
  return got;
}

/* Closes so that the peer sees a reset. */
static inline void server_reset(int fd)
{
  struct linger now = {.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

static inline bool server_read_head(int fd, char *head)
{
  size_t n = 0;
  while (n + 1 < SERVER_HEAD_BYTES) {
    if (recv(fd, head + n, 1, 0) != 1)
      return false;
    head[++n] = '\0';
    if (n == 1 && head[0] == 0x16) {
      usleep(20000); /* a TLS hello: let all of it arrive */
      return recv(fd, head, SERVER_HEAD_BYTES - 1, 0) > 0;
    }
    if (n >= 4 && memcmp(head + n - 4, "\r\n\r\n", 4) == 0)
      return true;
  }
  return false;
}

struct server_connection {
  struct server *server;
  int slot;
};

static inline void *server_serve(void *arg)
{
  struct server_connection c = *(struct server_connection *)arg;
  char head[SERVER_HEAD_BYTES];
  free(arg);
  int fd = c.server->fds[c.slot];
  bool on = true;
  while (on && server_read_head(fd, head)) {
    pthread_mutex_lock(&c.server->lock);
    if (c.server->count < SERVER_HEADS_MAX)
      snprintf(c.server->heads[c.server->count], SERVER_HEAD_BYTES, "%s", head);
    c.server->count++;
    pthread_mutex_unlock(&c.server->lock);
    on = c.server->handler(c.server, fd, head);
  }
  pthread_mutex_lock(&c.server->lock);
  close(fd);
  c.server->fds[c.slot] = -1;
  pthread_mutex_unlock(&c.server->lock);
  return NULL;
}

static inline void *server_accept(void *arg)
{
  struct server *s = arg;
  for (;;) {
    int fd = accept(s->fd, NULL, NULL);
    if (fd < 0 || atomic_load(&s->stop) || s->connection_count == SERVER_CONNECTIONS_MAX)
      return fd >= 0 ? (close(fd), NULL) : NULL;
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct server_connection *c = malloc(sizeof *c);
    *c = (struct server_connection){.server = s, .slot = s->connection_count};
    pthread_mutex_lock(&s->lock);
    s->fds[c->slot] = fd;
    s->connection_count++;
    pthread_mutex_unlock(&s->lock);
    pthread_create(&s->connections[c->slot], NULL, server_serve, c);
  }
}

static inline struct server *server_new_at(const struct sockaddr *addr, socklen_t len,
                                           server_handler *handler, const void *ctx)
{
  struct server *s = calloc(1, sizeof *s);
  signal(SIGPIPE, SIG_IGN);
  s->handler = handler;
  s->ctx = ctx;
  pthread_mutex_init(&s->lock, NULL);
  s->fd = socket(addr->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(s->fd, addr, len) != 0 || listen(s->fd, 64) != 0)
    abort();
  pthread_create(&s->thread, NULL, server_accept, s);
  return s;
}

/* On a free port of loopback. */
static inline struct server *server_new(server_handler *handler, const void *ctx)
{
  struct sockaddr_in addr = {.sin_family = AF_INET};
  socklen_t len = sizeof addr;
  addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  struct server *s = server_new_at((struct sockaddr *)&addr, len, handler, ctx);
  getsockname(s->fd, (struct sockaddr *)&addr, &len);
  s->port = ntohs(addr.sin_port);
  return s;
}

/* On a socket in the file system; in the place of one that a killed test left there. */
static inline struct server *server_new_unix(const char *path, server_handler *handler,
                                             const void *ctx)
{
  struct sockaddr_un addr = {.sun_family = AF_UNIX};
  snprintf(addr.sun_path, sizeof addr.sun_path, "%s", path);
  unlink(path);
  return server_new_at((struct sockaddr *)&addr, sizeof addr, handler, ctx);
}

static inline void server_free(struct server *s)
{
  atomic_store(&s->stop, true);
  shutdown(s->fd, SHUT_RDWR);
  pthread_join(s->thread, NULL);
  close(s->fd);
  for (int i = 0; i < s->connection_count; i++) {
    pthread_mutex_lock(&s->lock);
    if (s->fds[i] >= 0)
      shutdown(s->fds[i], SHUT_RDWR);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->connections[i], NULL);
  }
  pthread_mutex_destroy(&s->lock);
  free(s);
}

static inline int server_count(struct server *s)
{
  pthread_mutex_lock(&s->lock);
  int n = s->count;
  pthread_mutex_unlock(&s->lock);
  return n;
}

/* Does head number i hold this text (without case)? */
static inline bool server_saw(struct server *s, int i, const char *text)
{
  pthread_mutex_lock(&s->lock);
  bool saw = i < s->count && strcasestr(s->heads[i], text) != NULL;
  pthread_mutex_unlock(&s->lock);
  return saw;
}

#endif
