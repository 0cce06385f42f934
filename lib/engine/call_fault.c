/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/call_fault.h"

#include <errno.h>
#include <grp.h>
#include <sys/stat.h>

#include "base/i18n.h"
#include "base/text.h"

#define DETAIL_MAX 200

static const struct {
  CURLcode curl;
  enum sp_code code;
  const char *words;
} meanings[] = {
    {CURLE_COULDNT_RESOLVE_HOST, SP_E_UNREACHABLE, N_("no such host: check DOCKER_HOST")},
    {CURLE_COULDNT_CONNECT, SP_E_UNREACHABLE, N_("cannot connect")},
    {CURLE_OPERATION_TIMEDOUT, SP_E_UNREACHABLE, N_("connecting took too long")},
    {CURLE_SSL_CONNECT_ERROR, SP_E_TLS, N_("the TLS handshake failed")},
    {CURLE_PEER_FAILED_VERIFICATION, SP_E_TLS, N_("its certificate was not accepted")},
    {CURLE_SSL_CERTPROBLEM, SP_E_TLS, N_("our certificate or key cannot be used")},
    {CURLE_SSL_CACERT_BADFILE, SP_E_TLS, N_("the CA file cannot be read")},
    {CURLE_GOT_NOTHING, SP_E_NETWORK, N_("it closed the connection without an answer")},
    {CURLE_PARTIAL_FILE, SP_E_NETWORK, N_("it went away in the middle of its answer")},
    {CURLE_RECV_ERROR, SP_E_NETWORK, N_("the connection broke")},
    {CURLE_SEND_ERROR, SP_E_NETWORK, N_("the connection broke")},
    {CURLE_WEIRD_SERVER_REPLY, SP_E_PROTOCOL, N_("what answers there is no engine")},
    {CURLE_UNSUPPORTED_PROTOCOL, SP_E_PROTOCOL, N_("what answers there is no engine")},
    {CURLE_BAD_CONTENT_ENCODING, SP_E_PROTOCOL, N_("its answer is damaged")},
    {CURLE_OUT_OF_MEMORY, SP_E_NOMEM, N_("out of memory")},
};

/* The socket is there and not for us. */
static int raise_permission(const char *path, struct sp_err *err)
{
  struct stat facts;
  char buffer[1024];
  struct group group;
  struct group *found = NULL;
  if (stat(path, &facts) == 0 && (facts.st_mode & S_IWGRP) && facts.st_gid != 0)
    getgrgid_r(facts.st_gid, &group, buffer, sizeof buffer, &found);
  if (!found)
    return sp_fail(err, SP_E_AUTH,
                   "cannot talk to the engine at '%s': permission denied: run as the user whose "
                   "engine it is, or name a rootless engine with "
                   "DOCKER_HOST=unix://$XDG_RUNTIME_DIR/docker.sock",
                   path);
  return sp_fail(err, SP_E_AUTH,
                 "cannot talk to the engine at '%s': permission denied: join the group '%s' "
                 "('sudo usermod -aG %s $USER', then log in again), or name a rootless engine "
                 "with DOCKER_HOST=unix://$XDG_RUNTIME_DIR/docker.sock",
                 path, found->gr_name, found->gr_name);
}

/* A socket of another engine that is there, so that it can be named: rootless docker, podman. */
static bool find_other(char out[SP_ENDPOINT_FILE_MAX])
{
  const char *run = getenv("XDG_RUNTIME_DIR");
  static const char *const names[] = {"docker.sock", "podman/podman.sock"};
  for (size_t i = 0; run && *run && i < sizeof names / sizeof names[0]; i++) {
    int n = snprintf(out, SP_ENDPOINT_FILE_MAX, "%s/%s", run, names[i]);
    if (n > 0 && n < SP_ENDPOINT_FILE_MAX && access(out, W_OK) == 0)
      return true;
  }
  snprintf(out, SP_ENDPOINT_FILE_MAX, "/run/podman/podman.sock");
  return access(out, W_OK) == 0;
}

static int raise_absent(const char *path, int sys, struct sp_err *err)
{
  char other[SP_ENDPOINT_FILE_MAX];
  char text[128];
  const char *reason = strerror_r(sys, text, sizeof text);
  if (find_other(other) && strcmp(other, path) != 0)
    sp_fail(err, SP_E_UNREACHABLE,
            "no engine listens at '%s' (%s): start it, or use the one that is there with "
            "DOCKER_HOST=unix://%s",
            path, reason, other);
  else
    sp_fail(err, SP_E_UNREACHABLE,
            "no engine listens at '%s' (%s): start it ('systemctl start docker', or 'podman "
            "system service'), or say where it is with DOCKER_HOST",
            path, reason);
  err->sys = sys;
  return -1;
}

static int raise_by_errno(const struct sp_engine_call_fault *fault, int sys, struct sp_err *err)
{
  const char *path = fault->endpoint->path;
  char place[SP_ENDPOINT_TEXT_MAX];
  if (path[0] && (sys == EACCES || sys == EPERM))
    return raise_permission(path, err);
  if (path[0])
    return raise_absent(path, sys, err);
  sp_endpoint_format(fault->endpoint, place);
  return sp_fail_sys(err, SP_E_UNREACHABLE, sys, "no engine listens at '%s'", place);
}

int sp_engine_call_fault_raise(const struct sp_engine_call_fault *fault, struct sp_err *err)
{
  char place[SP_ENDPOINT_TEXT_MAX];
  char detail[DETAIL_MAX];
  long sys = 0;
  sp_endpoint_format(fault->endpoint, place);
  curl_easy_getinfo(fault->easy, CURLINFO_OS_ERRNO, &sys);
  if (fault->refused_address)
    return sp_fail(err, SP_E_REFUSED,
                   "the engine at '%s' is on another host, and images would go there unprotected: "
                   "set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH",
                   place);
  if (fault->code == CURLE_COULDNT_CONNECT && sys != 0)
    return raise_by_errno(fault, (int)sys, err);
  sp_text_escape(detail, sizeof detail,
                 sp_span_str(fault->detail[0] ? fault->detail : curl_easy_strerror(fault->code)));
  if (fault->code == CURLE_OK)
    return sp_fail(err, SP_E_NETWORK, "the engine at '%s' went away before its answer was complete",
                   place);
  for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
    if (meanings[i].curl == fault->code)
      return sp_fail(err, meanings[i].code, "the engine at '%s': %s (%s)", place,
                     _(meanings[i].words), detail);
  }
  enum sp_code code = fault->answered ? SP_E_NETWORK : SP_E_PROTOCOL;
  return sp_fail(err, code, "the engine at '%s': the call failed (%s)", place, detail);
}
