// A process's files and its connections, which must not take each other's descriptors.

import CZeroMQ
import Glibc

/// Raises the number of files and connections that the process may have open to what it is allowed.
public func raiseDescriptorLimit() {
  var limit = rlimit()
  guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0,
    limit.rlim_cur < limit.rlim_max
  else { return }
  limit.rlim_cur = limit.rlim_max
  setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}

/// Gives the calling thread a table of descriptors of its own, a copy of what is open: from now on
/// no connection that another thread accepts can keep this one from opening a file.
///
/// What this thread opens afterwards other threads cannot use, and a descriptor that is open in
/// both tables is closed only when both have closed it: to be called once, when all that threads
/// share has been opened, in a process that ends with its work.
public func separateDescriptors() {
  // Where the kernel refuses, the two go on sharing.
  _ = relate_unshare_files()
}
