/* Chipmunk2D, a simulator of rigid bodies in the plane, and a way to begin that prints nothing. */
#ifndef CHIPMUNK_QUIET_H
#define CHIPMUNK_QUIET_H

#include <chipmunk/chipmunk.h>

/* A space without bodies, to be freed by cpSpaceFree. Debian's build of the library greets on
   standard output when a process makes its first space, which would stand in the middle of what a
   program prints; here that goes nowhere. Safe to be called by several threads. */
cpSpace *chipmunk_new_space(void);

/* The library's version, such as "7.0.3". */
const char *chipmunk_version(void);

#endif
