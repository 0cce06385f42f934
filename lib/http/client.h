/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP client: the one place where bytes leave for a network, and the one place that decides
 * whether a secret may go to an origin and whether we may connect to an address.
 *
 * Blocking calls for straight-line code; inside, libcurl's multi interface on threads of its own
 * (http/loop.h), whose callbacks never leave this layer. Metadata of https sites goes over shared
 * HTTP/2 connections where offered; blobs, and everything of plain http sites, over HTTP/1.1, one
 * transfer a connection (reasons: DESIGN.md, libraries).
 *
 * What it does: origins, redirects (GET and HEAD only, at most SP_MAX_REDIRECTS hops, secrets
 * dropped for another origin and never attached again), one re-authorisation per 401, the gate of
 * each site, timeouts, ceilings. What it does not: retries (store/retry.h), tokens
 * (registry/token.h).
 *
 * Rules of the guard (reliability.md S01-S06, S11), enforced here for every connection:
 *  - plain http only to a site that is `insecure` or on loopback; https never goes on as http;
 *  - Authorization only to the origin it was made for;
 *  - an address that is loopback, link-local, unspecified, multicast, or private is connected to
 * only if the site itself resolved to an address of that kind (checked on the address, at connect
 * time);
 *  - TLS 1.2 at least, always verified;
 *  - HTTPS_PROXY and NO_PROXY for https only, never with a registry's credentials.
 *
 * Threads: all functions from any thread; a download or upload is used by one thread at a time.
 */
#ifndef SP_HTTP_CLIENT_H
#define SP_HTTP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/ring.h"
#include "base/secret.h"
#include "http/gate.h"
#include "http/headers.h"
#include "http/url.h"

struct sp_http;
struct sp_http_site;

struct sp_http_settings {
  const char *user_agent; /* borrowed for the call */
  const char
      *ca_file; /* PEM, in place of the system's; NULL = the system's. borrowed for the call */
  int64_t connect_timeout_ms;     /* 0 = SP_CONNECT_TIMEOUT_MS */
  int64_t idle_timeout_ms;        /* 0 = SP_FIRST_BYTE_TIMEOUT_MS / SP_STALL_TIMEOUT_MS */
  const struct sp_cancel *cancel; /* borrowed for the client's life; NULL = never */
};

SP_MUST_CHECK int sp_http_new(const struct sp_http_settings *settings, struct sp_http **out,
                              struct sp_err *err);
/* All requests must have ended. NULL is nothing. */
void sp_http_free(struct sp_http *http);

/* As given in the settings; for what waits on behalf of a request. */
const struct sp_cancel *sp_http_cancel(const struct sp_http *http);

/* -- sites: one per registry */
struct sp_http_site_settings {
  struct sp_origin origin;
  bool insecure;       /* plain http was asked for */
  const char *ca_file; /* PEM for this site's own origins; NULL = the client's. copied */
  const char *const *upload_hosts; /* "host[:port]" that a Location may also name; NULL-terminated
                                      or NULL. copied */
  const char *const *token_hosts;  /* "host[:port]" that a realm may also name. copied */
};
/* Fails: SP_E_REFUSED (plain http to a host that is neither insecure nor loopback); SP_E_NOMEM.
 * `*out` lives as long as the client. */
SP_MUST_CHECK int sp_http_add_site(struct sp_http *http,
                                   const struct sp_http_site_settings *settings,
                                   struct sp_http_site **out, struct sp_err *err);
const struct sp_origin *sp_http_site_origin(const struct sp_http_site *site);
struct sp_gate *sp_http_site_gate(struct sp_http_site *site);
/* May the site's upload go on at this URL (its own origin or one of upload_hosts, same or safer
 * scheme)? Fails: SP_E_REFUSED, naming the setting to add. */
SP_MUST_CHECK int sp_http_site_check_upload(const struct sp_http_site *site,
                                            const struct sp_url *url, struct sp_err *err);
/* May the site's credentials be sent to this realm (own host, or token_hosts; https if the site is
 * https)? Asked before credentials are looked up. Fails: SP_E_REFUSED, naming the setting to add.
 */
SP_MUST_CHECK int sp_http_site_check_realm(const struct sp_http_site *site,
                                           const struct sp_url *url, struct sp_err *err);

/* -- who makes Authorization headers (registry/auth.c) */
struct sp_http_auth {
  /* Sets `value` to the Authorization header for a request with this scope, or leaves it empty. May
   * block on requests of its own. */
  int (*authorize)(struct sp_http_auth *auth, const char *scope, struct sp_secret *value,
                   struct sp_err *err);
  /* A request with (or without) that header was answered 401. Learns from the challenge; *again =
   * another try can make a difference. */
  int (*challenged)(struct sp_http_auth *auth, const char *scope, const struct sp_headers *headers,
                    bool *again, struct sp_err *err);
};

/* -- requests */
enum sp_http_method { SP_GET, SP_HEAD, SP_POST, SP_PUT, SP_PATCH, SP_DELETE };
enum sp_http_purpose {
  SP_HTTP_REGISTRY, /* to the site's own origin, or to an upload Location that was checked */
  SP_HTTP_TOKEN, /* to a realm that was checked; no redirects, Authorization as given in `secret` */
};

#define SP_HTTP_HEADERS_MAX 8
struct sp_http_request {
  struct sp_http_site *site;
  enum sp_http_method method;
  enum sp_http_purpose purpose;
  const struct sp_url *url; /* borrowed */
  struct {
    const char *name, *value; /* borrowed; checked with sp_headers_is_safe_value */
  } headers[SP_HTTP_HEADERS_MAX];
  size_t header_count;
  struct sp_span body;       /* POST, PUT, PATCH: sent as it is. borrowed */
  uint64_t commit_bytes;     /* what this request makes the registry hash and move: the answer
                                may take so much longer (uploads need not say) */
  size_t max_body_bytes;     /* ceiling of the answer's body; 0 = SP_MAX_ERROR_BODY_BYTES */
  struct sp_http_auth *auth; /* REGISTRY: NULL = no Authorization. borrowed */
  const char *scope;         /* handed to auth. borrowed */
  enum sp_lane lane; /* of sp_http_perform: META, or WRITE for what opens an upload (its own slot is
                        given back before the upload asks for one) */
  const struct sp_secret *secret; /* TOKEN: the Authorization header, or NULL. borrowed */
};

struct sp_http_response {
  int status;
  struct sp_headers headers;
  struct sp_buf body; /* cut at the ceiling for statuses >= 400, SP_E_LIMIT else */
  struct sp_url url;  /* where the answer came from, after redirects */
  int64_t first_byte_ms;
};
void sp_http_response_init(struct sp_http_response *response);
void sp_http_response_clear(struct sp_http_response *response);
SP_DEFINE_AUTO_CLEAR(struct sp_http_response, sp_http_response_clear)
#define SP_AUTO_RESPONSE SP_CLEANUP(sp_http_response_clear_auto_)

/* Performs a request with a small answer. 0 for any status: look at response->status (which stays
 * 401 if the second try was refused too). Fails: SP_E_UNREACHABLE, SP_E_TLS, SP_E_NETWORK,
 * SP_E_REFUSED (guard), SP_E_PROTOCOL, SP_E_LIMIT, SP_E_INTERRUPTED, and what auth fails with.
 * Blocks on the gate (request->lane) and the network. */
SP_MUST_CHECK int sp_http_perform(struct sp_http *http, const struct sp_http_request *request,
                                  struct sp_http_response *response, struct sp_err *err);

/* -- a body that streams in */
struct sp_http_download;
/* Performs a GET until the headers of its final answer are there. Status 200 or 206: `*out` is the
 * caller's, its body waits to be started. Any other status: *out = NULL and response->body holds
 * the (error) body. A Content-Encoding other than identity is SP_E_PROTOCOL. Takes a slot of lane
 * READ, which the download keeps until sp_http_download_close. */
SP_MUST_CHECK int sp_http_download_open(struct sp_http *http, const struct sp_http_request *request,
                                        struct sp_http_response *response,
                                        struct sp_http_download **out, struct sp_err *err);
/* Lets the body flow into the ring, from the ring's present position; returns at once. The input of
 * the ring is closed at the end or on failure. The ring must outlive the download. */
void sp_http_download_start(struct sp_http_download *download, struct sp_ring *ring);
/* Cancels what still runs, waits until the loop has let go, frees. NULL is nothing. */
void sp_http_download_close(struct sp_http_download *download);

/* -- a body that streams out */
struct sp_http_upload;
/* Starts a PUT or PATCH whose body is consumer `consumer` of the ring (size: sp_ring_size); returns
 * once it is handed to the loop. request->body is not used. Takes a slot of lane WRITE until its
 * answer or close; uploads of one ring enter the gate together (http/gate.h).
 * An answer (or failure) before the whole body was sent detaches the consumer. There is no second
 * try after a 401: the body is gone. */
SP_MUST_CHECK int sp_http_upload_start(struct sp_http *http, const struct sp_http_request *request,
                                       struct sp_ring *ring, size_t consumer,
                                       struct sp_http_upload **out, struct sp_err *err);
/* Waits for the answer (after the last byte at most the idle timeout, and the longer the more was
 * sent, up to SP_COMMIT_TIMEOUT_MS). 0 for any status.
 * Fails like sp_http_perform. */
SP_MUST_CHECK int sp_http_upload_finish(struct sp_http_upload *upload,
                                        struct sp_http_response *response, struct sp_err *err);
/* Cancels what still runs, waits until the loop has let go, frees. NULL is nothing. */
void sp_http_upload_close(struct sp_http_upload *upload);

#endif
