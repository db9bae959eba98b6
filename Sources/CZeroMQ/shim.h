// ZeroMQ, and what Swift's Glibc module leaves out of the C library: `eventfd`, which wakes a poll,
// `unshare`, which gives a thread its own descriptors, and `mallopt`.
#include <malloc.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <zmq.h>

/// Gives the calling thread its own table of descriptors: `unshare(CLONE_FILES)`.
static inline int relate_unshare_files(void) { return (int)syscall(SYS_unshare, 0x400); }

/// Keeps what `malloc` gets back for the next messages: the system would hand out fresh pages, of
/// which each costs a fault.
static inline void relate_keep_freed_memory(void) {
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
}
