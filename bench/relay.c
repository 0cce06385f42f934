/* SPDX-License-Identifier: Apache-2.0 */
/* A relay on loopback that holds every byte for a while, each way: latency without netem. The relay
 * accepts at once, so that only what travels on a connection is late, as on one that is kept alive.
 *
 *     relay MS PORT [PORT...]    prints one listening port for each PORT, then relays until it is
 *                                killed
 *
 * One thread, poll(2). A direction is a queue of pieces, each with the time when it is due; a
 * reader stops where QUEUE_MAX_BYTES are on their way.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PIECE_BYTES 65536u
#define QUEUE_MAX_BYTES (16u << 20)
#define CONNECTIONS_MAX 1024

struct piece {
  struct piece *next;
  int64_t due_us;
  size_t len, sent; /* len 0: the end */
  char bytes[];
};

struct direction {
  int from, to;
  struct piece *first, *last;
  size_t bytes;
  bool is_read_out, is_done;
};

struct connection {
  struct direction ways[2];
  bool is_used;
};

static struct connection connections[CONNECTIONS_MAX];
static int64_t delay_us;

static int64_t now_us(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int open_socket(int port, bool listens)
{
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr = {htonl(INADDR_LOOPBACK)}};
  int fd = socket(AF_INET, SOCK_STREAM | (listens ? SOCK_NONBLOCK : 0), 0);
  int rc = listens ? bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 1024)
                   : connect(fd, (struct sockaddr *)&address, sizeof address);
  if (rc == 0)
    return fd;
  close(fd);
  return -1;
}

static void accept_one(int listener, int target)
{
  int near = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
  if (near < 0)
    return;
  int far = open_socket(target, false);
  size_t i = 0;
  while (i < CONNECTIONS_MAX && connections[i].is_used)
    i++;
  if (far < 0 || i == CONNECTIONS_MAX) {
    close(near);
    if (far >= 0)
      close(far);
    return;
  }
  int on = 1;
  setsockopt(near, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(far, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  connections[i] = (struct connection){
      .ways = {{.from = near, .to = far}, {.from = far, .to = near}}, .is_used = true};
}

static void take(struct direction *way)
{
  struct piece *piece = malloc(sizeof *piece + PIECE_BYTES);
  ssize_t n = recv(way->from, piece->bytes, PIECE_BYTES, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
    free(piece);
    return;
  }
  way->is_read_out = n <= 0;
  *piece = (struct piece){.due_us = now_us() + delay_us, .len = n > 0 ? (size_t)n : 0};
  if (way->last)
    way->last->next = piece;
  else
    way->first = piece;
  way->last = piece;
  way->bytes += piece->len;
}

static void drop_first(struct direction *way)
{
  struct piece *piece = way->first;
  way->first = piece->next;
  if (!way->first)
    way->last = NULL;
  way->bytes -= piece->len;
  free(piece);
}

static void deliver(struct direction *way, int64_t now)
{
  while (way->first && way->first->due_us <= now && !way->is_done) {
    struct piece *piece = way->first;
    ssize_t n = piece->len == 0 ? 0
                                : send(way->to, piece->bytes + piece->sent,
                                       piece->len - piece->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
      return;
    if (n < 0 || piece->len == 0) {
      shutdown(way->to, SHUT_WR);
      way->is_done = true;
      return;
    }
    piece->sent += (size_t)n;
    if (piece->sent == piece->len)
      drop_first(way);
  }
}

static void close_if_done(struct connection *connection)
{
  struct direction *ways = connection->ways;
  if (!ways[0].is_done || !ways[1].is_done)
    return;
  close(ways[0].from);
  close(ways[0].to);
  for (int k = 0; k < 2; k++) {
    while (ways[k].first)
      drop_first(&ways[k]);
  }
  connection->is_used = false;
}

/* Adds what a direction waits for; the time until its next piece is due goes into *wait_us. */
static short wants(const struct direction *way, int64_t now, int64_t *wait_us, bool *to_is_full)
{
  if (way->first && !way->is_done) {
    int64_t left = way->first->due_us - now;
    *to_is_full = left <= 0;
    if (left > 0 && left < *wait_us)
      *wait_us = left;
  }
  return !way->is_read_out && way->bytes < QUEUE_MAX_BYTES ? POLLIN : 0;
}

static size_t watch(struct pollfd *polled, struct connection *connection, int64_t now,
                    int64_t *wait_us)
{
  bool full[2] = {false, false};
  short in[2];
  for (int k = 0; k < 2; k++)
    in[k] = wants(&connection->ways[k], now, wait_us, &full[k]);
  for (int k = 0; k < 2; k++) {
    short events = in[k] | (full[1 - k] ? POLLOUT : 0);
    polled[k] = (struct pollfd){.fd = events ? connection->ways[k].from : -1, .events = events};
  }
  return 2;
}

static void relay(int (*listeners)[2], size_t count)
{
  static struct pollfd polled[64 + 2 * CONNECTIONS_MAX];
  for (;;) {
    int64_t now = now_us();
    int64_t wait_us = 1000000;
    size_t n = 0;
    for (; n < count; n++)
      polled[n] = (struct pollfd){.fd = listeners[n][0], .events = POLLIN};
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
      if (connections[i].is_used)
        n += watch(&polled[n], &connections[i], now, &wait_us);
    }
    struct timespec timeout = {wait_us / 1000000, wait_us % 1000000 * 1000};
    ppoll(polled, n, &timeout, NULL);
    now = now_us();
    size_t at = count;
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
      struct connection *connection = &connections[i];
      if (!connection->is_used)
        continue;
      for (int k = 0; k < 2; k++, at++) {
        if (polled[at].revents & (POLLIN | POLLHUP | POLLERR) && !connection->ways[k].is_read_out)
          take(&connection->ways[k]);
      }
      for (int k = 0; k < 2; k++)
        deliver(&connection->ways[k], now);
      close_if_done(connection);
    }
    for (size_t i = 0; i < count; i++) {
      if (polled[i].revents & POLLIN)
        accept_one(listeners[i][0], listeners[i][1]);
    }
  }
}

int main(int argc, char **argv)
{
  static int listeners[64][2];
  if (argc < 3 || argc > 65)
    return 2;
  delay_us = (int64_t)(atof(argv[1]) * 1000);
  for (int i = 2; i < argc; i++) {
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    int fd = open_socket(0, true);
    getsockname(fd, (struct sockaddr *)&address, &len);
    listeners[i - 2][0] = fd;
    listeners[i - 2][1] = (int)strtol(argv[i], NULL, 10);
    printf("%d\n", ntohs(address.sin_port));
  }
  fflush(stdout);
  relay(listeners, (size_t)argc - 2);
}
