// One tensor of a safetensors file: what it is called, and where its bytes are.

/// The scalar types of safetensors files that we know, widest first, as files order them.
public enum SafetensorsScalar: String, CaseIterable, Sendable {
  /// 64-bit unsigned integer.
  case unsigned64 = "U64"
  /// 64-bit integer.
  case integer64 = "I64"
  /// 64-bit floating point.
  case float64 = "F64"
  /// 32-bit floating point.
  case float32 = "F32"
  /// 32-bit unsigned integer.
  case unsigned32 = "U32"
  /// 32-bit integer.
  case integer32 = "I32"
  /// 16 bits: the upper half of a 32-bit floating point number.
  case brain16 = "BF16"
  /// 16-bit IEEE floating point.
  case float16 = "F16"
  /// 16-bit unsigned integer.
  case unsigned16 = "U16"
  /// 16-bit integer.
  case integer16 = "I16"
  /// 8-bit integer.
  case integer8 = "I8"
  /// 8-bit unsigned integer.
  case unsigned8 = "U8"
  /// A truth value in a byte.
  case boolean = "BOOL"

  /// The bytes of one scalar.
  public var byteCount: Int {
    switch self {
    case .unsigned64, .integer64, .float64: 8
    case .float32, .unsigned32, .integer32: 4
    case .brain16, .float16, .unsigned16, .integer16: 2
    case .integer8, .unsigned8, .boolean: 1
    }
  }
}

/// One tensor of a safetensors file.
public struct SafetensorsEntry: Hashable, Sendable {
  /// The name, unique in the file.
  public let name: String
  /// The type of the scalars in the file.
  public let scalar: SafetensorsScalar
  /// The extents, outermost first.
  public let dimensions: [Int]
  /// The bytes, counted from the first one after the header.
  public let range: Range<Int>
}

extension SafetensorsEntry {
  /// Checks what the header of a file with `dataCount` bytes after it says of a tensor.
  init(
    _ raw: SafetensorsHeaderParser.RawEntry, dataCount: Int, file: String
  ) throws(SafetensorsError) {
    func failure(_ reason: String) -> SafetensorsError {
      SafetensorsError(file: file, tensor: raw.name, reason)
    }
    guard let scalar = SafetensorsScalar(rawValue: raw.scalar) else {
      throw failure("its dtype \"\(raw.scalar)\" is not supported")
    }
    // Zeros are left out of the product, so that strides cannot overflow either.
    var byteCount = scalar.byteCount
    for extent in raw.shape where extent != 0 {
      let (product, isTooLarge) = byteCount.multipliedReportingOverflow(by: extent)
      if isTooLarge { throw failure("its shape \(raw.shape) is too large") }
      byteCount = product
    }
    if raw.shape.contains(0) { byteCount = 0 }
    guard raw.offsets.count == 2, raw.offsets[0] <= raw.offsets[1] else {
      throw failure("its data_offsets \(raw.offsets) are not a range; the file is corrupt")
    }
    let range = raw.offsets[0]..<raw.offsets[1]
    if range.upperBound > dataCount {
      throw failure(
        "its bytes \(range) end after the \(dataCount) bytes of the file's data; "
          + "the file is truncated or corrupt")
    }
    if range.count != byteCount {
      throw failure(
        "\(scalar.rawValue) \(raw.shape) takes \(byteCount) bytes, but it has \(range.count)")
    }
    self.init(name: raw.name, scalar: scalar, dimensions: raw.shape, range: range)
  }
}
