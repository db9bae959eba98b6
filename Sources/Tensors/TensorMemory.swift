// How much memory tensors take.

/// The memory of all tensors of this process, in bytes of whole blocks.
public struct TensorMemory: Hashable, Sendable {
  /// The blocks that tensors occupy.
  public internal(set) var bytesInUse = 0
  /// The most that tensors ever occupied at once.
  public internal(set) var peakBytesInUse = 0
  /// The blocks that tensors occupy and those that wait for the next ones.
  public internal(set) var bytesHeld = 0
  /// How many blocks the system was ever asked for; a step in the steady state adds none.
  public internal(set) var blocksTaken = 0

  /// The memory at this moment.
  public static var current: TensorMemory { StoragePool.shared.memory }
}
