// The 64-bit digest that tells whether two runs have the same bits.

import CXXHash
import Foundation
import Tensors

/// A 64-bit hash (XXH3), printed as 16 hexadecimal digits.
public struct Digest: Hashable, Sendable, Codable, CustomStringConvertible {
  /// The hash as a number.
  public let rawValue: UInt64

  /// A digest of a known number.
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// The digest of some bytes.
  public init(of bytes: some Sequence<UInt8>) {
    rawValue = Array(bytes).withUnsafeBytes { relate_xxh3($0.baseAddress, $0.count) }
  }

  /// The digest of the scalars of some tensors, chained onto this one: each is hashed with the
  /// digest so far as its seed, so a digest vouches for everything before it as well.
  public func extended(by tensors: Tensor...) -> Digest {
    tensors.reduce(self) { digest, tensor in
      tensor.withScalars { scalars in
        let bytes = UnsafeRawBufferPointer(scalars)
        return Digest(
          rawValue: relate_xxh3_with_seed(bytes.baseAddress, bytes.count, digest.rawValue))
      }
    }
  }

  /// The digest of some hashes, chained onto this one in the same way.
  public func extended(byHashes hashes: [UInt64]) -> Digest {
    hashes.map(\.littleEndian).withUnsafeBytes {
      Digest(rawValue: relate_xxh3_with_seed($0.baseAddress, $0.count, rawValue))
    }
  }

  /// 16 hexadecimal digits.
  public var description: String {
    let digits = String(rawValue, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  /// A digest from its 16 hexadecimal digits; `nil` if the text is anything else.
  public init?(_ text: String) {
    guard text.utf8.count == 16, let value = UInt64(text, radix: 16) else { return nil }
    rawValue = value
  }

  /// Reads 16 hexadecimal digits.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let digest = Digest(text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "\"\(text)\" is not a digest of 16 hexadecimal digits")
    }
    self = digest
  }

  /// Writes 16 hexadecimal digits.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
