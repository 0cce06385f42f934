/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target once over every file of a directory: the form in which fuzz targets live in
 * ordinary CI. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(const char *dir, const char *name)
{
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  FILE *f = fopen(path, "rb");
  if (!f)
    return -1;
  static uint8_t bytes[1 << 20];
  size_t n = fread(bytes, 1, sizeof bytes, f);
  fclose(f);
  /* An exact heap copy, so that ASan sees one byte too far. */
  uint8_t *copy = malloc(n ? n : 1);
  if (!copy)
    return -1;
  memcpy(copy, bytes, n);
  LLVMFuzzerTestOneInput(copy, n);
  free(copy);
  return 0;
}

int main(int argc, char **argv)
{
  if (argc != 2)
    return 2;
  DIR *dir = opendir(argv[1]);
  if (!dir) {
    perror(argv[1]);
    return 1;
  }
  int runs = 0;
  int failed = 0;
  for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
    if (e->d_name[0] == '.')
      continue;
    failed |= run_file(argv[1], e->d_name);
    runs++;
  }
  closedir(dir);
  printf("%d inputs\n", runs);
  return failed || runs == 0; /* an empty corpus tests nothing */
}
