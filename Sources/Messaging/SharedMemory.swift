// Memory that processes of one user on one machine have in common.

import CZeroMQ
import Glibc

/// A block of memory that another process of the same user can map as well.
///
/// It has no name that somebody would have to remove: it is gone when nobody maps it any more. Its
/// size cannot be changed, so that no peer can take a page away that is being read.
///
/// Whoever maps it may write to it at any time: what is read may change while it is.
public final class SharedMemory: @unchecked Sendable {
  // The pointers never change; what is behind them belongs to nobody alone.

  /// Where other processes find it while this one lives.
  public let path: String
  /// The number of bytes.
  public let byteCount: Int
  /// The bytes, valid as long as this object lives.
  public var bytes: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: mapped + Self.headerByteCount, count: byteCount)
  }
  private let mapped: UnsafeMutableRawPointer
  private let descriptor: Int32

  /// The key stands before the bytes, which begin with a page.
  private static let headerByteCount = 4096

  /// New memory, of zeros.
  ///
  /// Throws if the system has none.
  ///
  /// - Parameter key: a number by which whoever opens it knows that it is this.
  public init(byteCount: Int, key: UInt64) throws(MessagingError) {
    let size = byteCount + Self.headerByteCount
    descriptor = relate_new_memory(size)
    guard descriptor >= 0 else { throw MessagingError(lastErrorOf: "make memory to be shared") }
    path = "/proc/\(getpid())/fd/\(descriptor)"
    self.byteCount = byteCount
    do throws(MessagingError) { mapped = try Self.map(descriptor, size) } catch {
      close(descriptor)
      throw error
    }
    mapped.storeBytes(of: key, as: UInt64.self)
  }

  /// The memory that another process has made.
  ///
  /// Throws if there is none of that size and key.
  public init(at path: String, byteCount: Int, key: UInt64) throws(MessagingError) {
    let size = byteCount + Self.headerByteCount
    self.path = path
    self.byteCount = byteCount
    // What lies there may be anything: it is neither waited for nor made.
    descriptor = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard descriptor >= 0 else { throw MessagingError(lastErrorOf: "open shared memory") }
    do throws(MessagingError) {
      var status = stat()
      guard fstat(descriptor, &status) == 0, status.st_size == size,
        relate_has_fixed_size(descriptor) != 0
      else { throw Self.unexpected(path) }
      mapped = try Self.map(descriptor, size)
    } catch {
      close(descriptor)
      throw error
    }
    guard mapped.load(as: UInt64.self) == key else {
      munmap(mapped, size)
      close(descriptor)
      throw Self.unexpected(path)
    }
  }

  deinit {
    munmap(mapped, byteCount + Self.headerByteCount)
    close(descriptor)
  }

  private static func map(
    _ descriptor: Int32, _ size: Int
  ) throws(MessagingError) -> UnsafeMutableRawPointer {
    let flags = MAP_SHARED | MAP_POPULATE
    let mapped = mmap(nil, size, PROT_READ | PROT_WRITE, flags, descriptor, 0)
    guard let mapped, mapped != UnsafeMutableRawPointer(bitPattern: -1) else {
      throw MessagingError(lastErrorOf: "map shared memory")
    }
    return mapped
  }

  private static func unexpected(_ path: String) -> MessagingError {
    MessagingError(
      .system(ENOENT), "open shared memory", endpoint: path,
      reason: "it is not the memory that was offered")
  }
}
