/* SPDX-License-Identifier: Apache-2.0 */
/* Where an image is or goes, as users write it: a registry reference, `oci:DIR[:ref]` or
 * `vault:NAME[:tag]` (containers-transports(5) for the first two). Only names: opening the place is
 * api/session.h's work. */
#ifndef SP_OCI_PLACE_H
#define SP_OCI_PLACE_H

#include "oci/reference.h"

enum sp_transport {
  SP_TRANSPORT_REGISTRY,
  SP_TRANSPORT_LAYOUT, /* oci:DIR[:ref] */
  SP_TRANSPORT_VAULT,  /* vault:NAME[:tag][@digest]; NAME is a full repository name, "ghcr.io/o/app"
                          or "app" */
};

#define SP_MAX_PATH_TEXT 4096

struct sp_place {
  enum sp_transport transport;
  struct sp_ref
      ref; /* REGISTRY: all of it. VAULT: repository ("ghcr.io/o/app", ':' of a port written '_'),
              tag and digest; host is "". LAYOUT: tag or digest; host and repository are "" */
  char dir[SP_MAX_PATH_TEXT]; /* LAYOUT: the directory, "" else */
};

/* Parses. A path of a layout may hold colons only if the last one is followed by a valid ref
 * ("oci:a:b" is directory "a", ref "b"). `docker://` in front of a registry reference is accepted
 * and means nothing. Fails: SP_E_USAGE  not a place, or a transport that this version does not have
 * (the message names those it has) */
SP_MUST_CHECK int sp_place_parse(const char *text, bool lower, struct sp_place *out,
                                 struct sp_err *err);

/* As users write it, without tag and digest ("ghcr.io/o/app", "oci:/srv/x", "vault:ghcr.io/o/app"):
 * the heading of a destination in reports. */
#define SP_PLACE_TEXT_MAX (SP_MAX_PATH_TEXT + 16)
void sp_place_format_name(const struct sp_place *place, char out[SP_PLACE_TEXT_MAX]);
/* With tag and digest. */
void sp_place_format(const struct sp_place *place,
                     char out[SP_PLACE_TEXT_MAX + SP_MAX_TAG + SP_DIGEST_TEXT_MAX]);

#endif
