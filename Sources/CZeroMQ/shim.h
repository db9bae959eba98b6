// ZeroMQ, and what Swift's Glibc module leaves out of the C library: `eventfd`, which wakes a poll,
// and `unshare`, which gives a thread its own descriptors.
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <zmq.h>

/// Gives the calling thread its own table of descriptors: `unshare(CLONE_FILES)`.
static inline int relate_unshare_files(void) { return (int)syscall(SYS_unshare, 0x400); }
