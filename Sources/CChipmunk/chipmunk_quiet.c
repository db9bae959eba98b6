/* Makes the first space of a process while standard output leads nowhere. */
#define _GNU_SOURCE
#include "chipmunk_quiet.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

/* The lock keeps other threads from printing meanwhile, so nothing of theirs is lost. */
static void make_first_space(void) {
  flockfile(stdout);
  fflush(stdout);
  int kept = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
  int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (kept >= 0 && nowhere >= 0) dup2(nowhere, STDOUT_FILENO);
  cpSpaceFree(cpSpaceNew());
  fflush(stdout);
  if (kept >= 0) {
    dup2(kept, STDOUT_FILENO);
    close(kept);
  }
  if (nowhere >= 0) close(nowhere);
  funlockfile(stdout);
}

cpSpace *chipmunk_new_space(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, make_first_space);
  return cpSpaceNew();
}

const char *chipmunk_version(void) { return cpVersionString; }
