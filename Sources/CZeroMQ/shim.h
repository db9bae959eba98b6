// ZeroMQ, and what Swift's Glibc module leaves out of the C library: `eventfd`, which wakes a poll,
// `unshare`, which gives a thread its own descriptors, `memfd_create`, memory to be shared, and
// `mallopt`.
#include <malloc.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <zmq.h>

/// Gives the calling thread its own table of descriptors: `unshare(CLONE_FILES)`.
static inline int relate_unshare_files(void) { return (int)syscall(SYS_unshare, 0x400); }

/// The seals of memory that keeps its size: F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW.
enum { relate_fixed_size = 0x1 | 0x2 | 0x4 };

/// A descriptor of so many bytes of memory whose size nobody can change any more; -1 if there are
/// none.
///
/// By numbers of the kernel: its headers declare once more what Glibc's module has.
static inline int relate_new_memory(long size) {
  // MFD_CLOEXEC and MFD_ALLOW_SEALING.
  long descriptor = syscall(SYS_memfd_create, "relate", 0x1 | 0x2);
  if (descriptor < 0) return -1;
  // The pages are there before anybody writes to them; then F_ADD_SEALS.
  if (syscall(SYS_fallocate, descriptor, 0, 0L, size) == 0 &&
      syscall(SYS_fcntl, descriptor, 1033, relate_fixed_size) == 0)
    return (int)descriptor;
  close((int)descriptor);
  return -1;
}

/// Whether the size of such memory is fixed, by F_GET_SEALS.
static inline int relate_has_fixed_size(int descriptor) {
  long seals = syscall(SYS_fcntl, descriptor, 1034);
  return seals >= 0 && (seals & relate_fixed_size) == relate_fixed_size;
}

/// Keeps what `malloc` gets back for the next messages: the system would hand out fresh pages, of
/// which each costs a fault.
static inline void relate_keep_freed_memory(void) {
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
}
