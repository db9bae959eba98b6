// The allocator's settings, which Swift's Glibc module does not show.
#include "kernels.h"

#if defined(__GLIBC__)
#include <limits.h>
#include <malloc.h>

void relate_keep_freed_memory(void) {
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, INT_MAX);
}
#else
void relate_keep_freed_memory(void) {}
#endif
