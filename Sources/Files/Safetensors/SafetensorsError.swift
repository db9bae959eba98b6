// What is told of a safetensors file that is not sound.

/// Why a safetensors file cannot be used.
public struct SafetensorsError: Error, Hashable, CustomStringConvertible, Sendable {
  /// The file.
  public let file: String
  /// The tensor in question, if it is about one.
  public let tensor: String?
  /// What is wrong, as a sentence without the names.
  public let reason: String

  /// An error about a file, or about a tensor in it.
  public init(file: String, tensor: String? = nil, _ reason: String) {
    self.file = file
    self.tensor = tensor
    self.reason = reason
  }

  /// The file, the tensor and what is wrong.
  public var description: String {
    if let tensor { return "\(file): tensor \"\(tensor)\": \(reason)" }
    return "\(file): \(reason)"
  }
}
