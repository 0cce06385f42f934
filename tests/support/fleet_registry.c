/* SPDX-License-Identifier: Apache-2.0 */
/* A registry that makes its answers up: any number of repositories with a few tags each, all of
 * which exist, are in step on both sides, and cost no memory. It serves what the survey of a sync
 * asks: the list of tags, HEAD of a tag, HEAD and GET of its manifest, a byte of a blob. It is
 * fast enough not to be what is measured.
 *
 *     fleet_registry TAGS    prints its port; each repository has TAGS tags
 *
 * One thread, poll(2), HTTP/1.1 with keep-alive, one request at a time per connection.
 */
#include <arpa/inet.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 512
#define REQUEST_MAX 16384
#define ANSWER_MAX 65536
#define MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"
#define EMPTY_CONFIG "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"

struct connection {
  int fd;
  size_t len;
  char request[REQUEST_MAX];
};

static struct connection connections[CONNECTIONS_MAX];
static size_t connection_count;
static int tag_count;

static void hash(const char *text, size_t len, char out[72])
{
  unsigned char raw[EVP_MAX_MD_SIZE];
  unsigned raw_len;
  EVP_Digest(text, len, raw, &raw_len, EVP_sha256(), NULL);
  memcpy(out, "sha256:", 7);
  for (unsigned i = 0; i < 32; i++)
    snprintf(out + 7 + 2 * i, 3, "%02x", raw[i]);
}

/* The manifest that a tag names: of an artifact that is only its name. */
static size_t make_manifest(const char *name, char *out, size_t size)
{
  return (size_t)snprintf(
      out, size,
      "{\"schemaVersion\":2,\"mediaType\":\"" MANIFEST_TYPE "\",\"config\":{\"mediaType\":"
      "\"application/vnd.oci.empty.v1+json\",\"digest\":\"" EMPTY_CONFIG "\",\"size\":2},"
      "\"layers\":[],\"annotations\":{\"tag\":\"%s\"}}",
      name);
}

static void answer(int fd, int status, const char *headers, const char *body, size_t len,
                   bool is_head)
{
  static char out[ANSWER_MAX];
  int n = snprintf(out, sizeof out,
                   "HTTP/1.1 %d X\r\nDocker-Distribution-Api-Version: registry/2.0\r\n%s"
                   "Content-Length: %zu\r\n\r\n",
                   status, headers, len);
  if (!is_head) {
    memcpy(out + n, body, len);
    n += (int)len;
  }
  if (send(fd, out, (size_t)n, MSG_NOSIGNAL) < 0)
    return; /* the next read sees it */
}

static void answer_list(int fd, const char *name)
{
  static char body[ANSWER_MAX / 2];
  int n = snprintf(body, sizeof body, "{\"name\":\"%s\",\"tags\":[", name);
  for (int i = 0; i < tag_count; i++)
    n += snprintf(body + n, sizeof body - (size_t)n, "%s\"1.0.%d\"", i ? "," : "", i);
  n += snprintf(body + n, sizeof body - (size_t)n, "]}");
  answer(fd, 200, "Content-Type: application/json\r\n", body, (size_t)n, false);
}

/* Which tag of a repository a digest belongs to is found by trying: there are few. */
static void answer_manifest(int fd, const char *reference, bool is_head)
{
  char body[1024], headers[512], digest[72];
  char name[128];
  bool is_digest = strncmp(reference, "sha256:", 7) == 0;
  snprintf(name, sizeof name, "%s", reference);
  size_t len = make_manifest(name, body, sizeof body);
  hash(body, len, digest);
  for (int i = 0; is_digest && i < tag_count && strcmp(digest, reference) != 0; i++) {
    snprintf(name, sizeof name, "1.0.%d", i);
    len = make_manifest(name, body, sizeof body);
    hash(body, len, digest);
  }
  if (is_digest && strcmp(digest, reference) != 0) {
    answer(fd, 404, "", "", 0, is_head);
    return;
  }
  snprintf(headers, sizeof headers,
           "Content-Type: " MANIFEST_TYPE "\r\nDocker-Content-Digest: %s\r\n", digest);
  answer(fd, 200, headers, body, len, is_head);
}

static void serve(int fd, char *request)
{
  char method[8], path[1024];
  if (sscanf(request, "%7s %1023s", method, path) != 2)
    return;
  bool is_head = strcmp(method, "HEAD") == 0;
  char *at;
  path[strcspn(path, "?")] = '\0';
  if ((at = strstr(path, "/tags/list")) && strncmp(path, "/v2/", 4) == 0) {
    *at = '\0';
    answer_list(fd, path + 4);
  } else if ((at = strstr(path, "/manifests/")))
    answer_manifest(fd, at + 11, is_head);
  else if (strstr(path, "/blobs/" EMPTY_CONFIG))
    answer(fd, 206, "Content-Range: bytes 1-1/2\r\n", "}", 1, is_head);
  else
    answer(fd, strcmp(path, "/v2/") == 0 ? 200 : 404, "", "{}", 2, is_head);
}

/* False: the connection is over. */
static bool receive(struct connection *connection)
{
  ssize_t n = recv(connection->fd, connection->request + connection->len,
                   REQUEST_MAX - 1 - connection->len, 0);
  if (n <= 0)
    return false;
  connection->len += (size_t)n;
  connection->request[connection->len] = '\0';
  char *end;
  while ((end = strstr(connection->request, "\r\n\r\n"))) {
    size_t used = (size_t)(end + 4 - connection->request);
    serve(connection->fd, connection->request);
    memmove(connection->request, connection->request + used, connection->len - used + 1);
    connection->len -= used;
  }
  return connection->len < REQUEST_MAX - 1;
}

int main(int argc, char **argv)
{
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t len = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (argc < 2 || bind(listener, (struct sockaddr *)&address, sizeof address) < 0 ||
      listen(listener, 1024) < 0 || getsockname(listener, (struct sockaddr *)&address, &len) < 0)
    return 2;
  tag_count = (int)strtol(argv[1], NULL, 10);
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  static struct pollfd polled[CONNECTIONS_MAX + 1];
  for (;;) {
    polled[0] = (struct pollfd){.fd = listener, .events = POLLIN};
    for (size_t i = 0; i < connection_count; i++)
      polled[i + 1] = (struct pollfd){.fd = connections[i].fd, .events = POLLIN};
    poll(polled, connection_count + 1, -1);
    for (size_t i = connection_count; i-- > 0;) {
      if (!polled[i + 1].revents || receive(&connections[i]))
        continue;
      close(connections[i].fd);
      connections[i] = connections[--connection_count];
    }
    if (polled[0].revents && connection_count < CONNECTIONS_MAX) {
      connections[connection_count].len = 0;
      connections[connection_count++].fd = accept(listener, NULL, NULL);
    }
  }
}
