/* SPDX-License-Identifier: Apache-2.0 */
/* Publishing manifests: puts them by digest, children before parents, and reads every one back by
 * digest. No tag is touched here (tags.h).
 */
#ifndef SP_TRANSFER_PUBLISH_H
#define SP_TRANSFER_PUBLISH_H

#include "transfer/run.h"

/* At every open destination at once: what is there already is read as proof, what is not (or is
 * bad) is put and read back. A digest that stays bad in spite of a successful put is damage
 * (SP_E_DIGEST): docker-registry 2.8 keeps a manifest that it could not write once. A put refused
 * because content is missing asks for another round (sp_run_want_again). Blocks until done. */
void sp_publish_run(struct sp_run *run);

#endif
