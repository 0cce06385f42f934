/* SPDX-License-Identifier: Apache-2.0 */
/* Where an image is or goes, as users write it: a registry reference or `TRANSPORT:...`
 * (containers-transports(5) for all but the vault). Only names: opening the place is
 * api/session.h's work. */
#ifndef SP_OCI_PLACE_H
#define SP_OCI_PLACE_H

#include "oci/reference.h"

enum sp_transport {
  SP_TRANSPORT_REGISTRY,
  SP_TRANSPORT_LAYOUT,         /* oci:DIR[:tag][@digest] */
  SP_TRANSPORT_VAULT,          /* vault:NAME[:tag][@digest]; NAME is a full repository name,
                                  "ghcr.io/o/app" or "app" */
  SP_TRANSPORT_DOCKER_ARCHIVE, /* docker-archive:FILE[:NAME[:tag]], or FILE:@N: the image number N
                                */
  SP_TRANSPORT_OCI_ARCHIVE,    /* oci-archive:FILE[:tag][@digest], or FILE:NAME[:tag][@digest] */
  SP_TRANSPORT_DAEMON,         /* docker-daemon:NAME[:tag][@digest] or docker-daemon:sha256:ID */
};

#define SP_MAX_PATH_TEXT 4096

struct sp_place {
  enum sp_transport transport;
  struct sp_ref
      ref; /* REGISTRY and DAEMON: all of it; of an ID only the digest. VAULT: repository
              ("ghcr.io/o/app", ':' of a port written '_'), tag and digest; host is "". LAYOUT: tag
              or digest; host and repository are "". Archives: what was written of it */
  char
      path[SP_MAX_PATH_TEXT]; /* LAYOUT: the directory; archives: the file, "-" for stdin or stdout;
                                 "" else */
  bool has_number;            /* DOCKER_ARCHIVE: FILE:@N was written */
  uint32_t number;            /* of the image in manifest.json, from 0 */
};

/* Parses. A path of a layout may hold colons only if the last one is followed by a valid ref
 * ("oci:a:b" is directory "a", ref "b"); the path of an archive ends at its first colon, as
 * elsewhere. `docker://` in front of a registry reference is accepted and means nothing. Fails:
 * SP_E_USAGE  not a place, or a transport that this version does not have (the message names those
 * it has) */
SP_MUST_CHECK int sp_place_parse(const char *text, bool lower, struct sp_place *out,
                                 struct sp_err *err);
/* Is it a place of which only itself can say which tag its image has (a layout, an archive without
 * a name)? For all others a missing tag means "latest". */
bool sp_place_tells_tag(const struct sp_place *place);
/* The manifest's digest by which the image is to be found there; NULL: by its tag. A digest in an
 * engine is the ID of an image (or what the engine pulled it by): the engine alone knows it. */
const struct sp_digest *sp_place_digest(const struct sp_place *place);
/* Does a manifest's digest find an image there? An engine and a docker archive know tags only. */
bool sp_place_finds_digest(const struct sp_place *place);

/* As users write it, without tag and digest ("ghcr.io/o/app", "oci:/srv/x", "vault:ghcr.io/o/app",
 * "docker-archive:x.tar:docker.io/library/app"): the heading of a destination in reports. */
#define SP_PLACE_TEXT_MAX (SP_MAX_PATH_TEXT + SP_REF_TEXT_MAX + 24)
void sp_place_format_name(const struct sp_place *place, char out[SP_PLACE_TEXT_MAX]);
/* How many bytes of such a name say what the place shares its blobs with: of a registry its host,
 * of the vault "vault:" (or, as the journal names one of several, "vault:@ID"); any other place is
 * alone, and it is all of the name. */
size_t sp_place_store_len(const char *name);
/* With tag and digest. */
void sp_place_format(const struct sp_place *place,
                     char out[SP_PLACE_TEXT_MAX + SP_MAX_TAG + SP_DIGEST_TEXT_MAX]);

#endif
