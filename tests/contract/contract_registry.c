/* SPDX-License-Identifier: Apache-2.0 */
/* The suite over real registries: docker-registry 2.8.2 (Debian) on loopback, as it is, with
 * htpasswd, and with uploads in chunks. Each check gets a repository that was never used. Without
 * the program there is nothing to test, which is a failure.
 *
 * Retries are on: this registry answers 500 to who reads an empty blob while another writes it. */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "contract.h"
#include "registry/registry.h"
#include "store/retry.h"

#define PROGRAM "/usr/bin/docker-registry"
#define START_WAIT_MS 10000
#define RETRY_FOR_MS 5000
/* alice:s3cret, by htpasswd -Bbn with the lowest cost: every request is checked */
#define HTPASSWD "alice:$2y$04$AyHdkra131GVqwdADzvXFuKK9HybgLIl3yzchL8QAkbp0teIMo3Cq\n"

struct server {
  bool has_htpasswd, chunked;
  char dir[64];
  char host[32];
  pid_t pid;
  unsigned repositories;
  struct sp_http *http;
  struct sp_registries *registries;
};

static void write_file(const struct server *server, const char *name, const char *text)
{
  char path[128];
  snprintf(path, sizeof path, "%s/%s", server->dir, name);
  FILE *file = fopen(path, "w");
  if (!file || fputs(text, file) < 0 || fclose(file) != 0)
    abort();
}

static void write_config(const struct server *server)
{
  char text[1024];
  char extra[256];
  snprintf(extra, sizeof extra, "auth: {htpasswd: {realm: r, path: %s/htpasswd}}", server->dir);
  snprintf(text, sizeof text,
           "version: 0.1\n"
           "log: {level: error, accesslog: {disabled: true}}\n"
           "storage: {filesystem: {rootdirectory: %s/data}, delete: {enabled: false}}\n"
           "http: {addr: %s, secret: fixed}\n%s\n",
           server->dir, server->host, server->has_htpasswd ? extra : "");
  write_file(server, "config.yml", text);
  write_file(server, "htpasswd", HTPASSWD);
}

/* A port that was free a moment ago. */
static void choose_port(struct server *server)
{
  struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t len = sizeof addr;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&addr, len) != 0 ||
      getsockname(fd, (struct sockaddr *)&addr, &len) != 0)
    abort();
  close(fd);
  snprintf(server->host, sizeof server->host, "127.0.0.1:%u", ntohs(addr.sin_port));
}

static bool is_listening(const struct server *server)
{
  struct sockaddr_in addr = {.sin_family = AF_INET,
                             .sin_port =
                                 htons((uint16_t)strtoul(strchr(server->host, ':') + 1, NULL, 10)),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int rc = connect(fd, (struct sockaddr *)&addr, sizeof addr);
  close(fd);
  return rc == 0;
}

static void run_server(const struct server *server)
{
  char path[128];
  char log[128];
  snprintf(path, sizeof path, "%s/config.yml", server->dir);
  snprintf(log, sizeof log, "%s/log", server->dir);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (!freopen(log, "w", stdout) || dup2(STDOUT_FILENO, STDERR_FILENO) < 0)
    _exit(126);
  execl(PROGRAM, PROGRAM, "serve", path, (char *)NULL);
  _exit(127);
}

static int start_server(struct server *server)
{
  snprintf(server->dir, sizeof server->dir, "/tmp/sp-contract-registry-XXXXXX");
  if (!mkdtemp(server->dir))
    abort();
  choose_port(server);
  write_config(server);
  server->pid = fork();
  if (server->pid == 0)
    run_server(server);
  for (int waited_ms = 0; waited_ms < START_WAIT_MS; waited_ms += 20) {
    if (is_listening(server))
      return 0;
    if (waitpid(server->pid, NULL, WNOHANG) == server->pid)
      break;
    usleep(20 * 1000);
  }
  fprintf(stderr, "%s does not start; its log is in %s\n", PROGRAM, server->dir);
  return -1;
}

static void stop_server(const struct server *server)
{
  char command[128];
  kill(server->pid, SIGKILL);
  waitpid(server->pid, NULL, 0);
  snprintf(command, sizeof command, "rm -rf '%s'", server->dir);
  if (system(command) != 0)
    fprintf(stderr, "cannot remove %s\n", server->dir);
}

static int open_client(struct server *server, struct sp_err *err)
{
  struct sp_http_settings http = {.user_agent = "safeport-test"};
  struct sp_registry_settings settings = {.host = server->host,
                                          .insecure = !server->chunked,
                                          .chunked = server->chunked,
                                          .chunk_bytes = 50000};
  if (sp_http_new(&http, &server->http, err) < 0 ||
      sp_registries_new(server->http, &server->registries, err) < 0)
    return -1;
  return sp_registries_configure(server->registries, &settings, err);
}

static int open_store(void *ctx, struct sp_store **out, struct sp_err *err)
{
  struct server *server = ctx;
  struct sp_ref ref = {.tag = ""};
  snprintf(ref.host, sizeof ref.host, "%s", server->host);
  snprintf(ref.repository, sizeof ref.repository, "contract/r%u", server->repositories);
  struct sp_store *bare = NULL;
  const struct sp_retry_policy policy = {.retry_for_ms = RETRY_FOR_MS};
  if (sp_registry_open(server->registries, &ref, &bare, err) < 0)
    return -1;
  if (sp_retry_wrap_take(bare, &policy, out, err) == 0)
    return 0;
  sp_store_close(bare);
  return -1;
}

static int make_store(void *ctx, struct sp_store **out, struct sp_err *err)
{
  struct server *server = ctx;
  server->repositories++;
  return open_store(ctx, out, err);
}

static struct server servers[] = {
    {.chunked = false},
    {.has_htpasswd = true},
    {.chunked = true}, /* found to be plain http by asking it */
};
#define SERVER_COUNT (sizeof servers / sizeof servers[0])

/* 2.8.2 has no referrers API and answers sha512 as sha256. */
#define CANNOT (CONTRACT_NO_REFERRERS | CONTRACT_NO_SHA512)

static const struct contract_factory factories[] = {
    {.name = "registry",
     .cannot = CANNOT,
     .ctx = &servers[0],
     .tags_count = 20,
     .make = make_store,
     .reopen = open_store},
    {.name = "registry with htpasswd",
     .cannot = CANNOT,
     .ctx = &servers[1],
     .tags_count = 20,
     .make = make_store,
     .reopen = open_store},
    {.name = "registry in chunks",
     .cannot = CANNOT,
     .ctx = &servers[2],
     .tags_count = 20,
     .make = make_store,
     .reopen = open_store},
};

int main(void)
{
  struct sp_err err = SP_ERR_INIT;
  int failed = 0;
  size_t started = 0;
  for (; started < SERVER_COUNT && !failed; started++)
    failed = start_server(&servers[started]) < 0 || open_client(&servers[started], &err) < 0;
  char name[64];
  snprintf(name, sizeof name, "SAFEPORT_AUTH_127_0_0_1_%s", strchr(servers[1].host, ':') + 1);
  setenv(name, "alice:s3cret", 1);
  setenv("DOCKER_CONFIG", "/nonexistent", 1);
  if (!failed)
    failed = contract_run(factories, sizeof factories / sizeof factories[0]);
  for (size_t i = 0; i < started; i++) {
    sp_registries_free(servers[i].registries);
    sp_http_free(servers[i].http);
    stop_server(&servers[i]);
  }
  return failed;
}
