// The types of numbers that packed files hold.

import Files

/// A number that lies in files as it lies in memory: every machine that Swift runs on is
/// little-endian.
public protocol PackedScalar: BitwiseCopyable, Sendable {
  /// What files call the type.
  static var fileScalar: SafetensorsScalar { get }
}

extension UInt8: PackedScalar {
  /// `U8`.
  public static var fileScalar: SafetensorsScalar { .unsigned8 }
}
extension UInt16: PackedScalar {
  /// `U16`.
  public static var fileScalar: SafetensorsScalar { .unsigned16 }
}
extension UInt32: PackedScalar {
  /// `U32`.
  public static var fileScalar: SafetensorsScalar { .unsigned32 }
}
extension UInt64: PackedScalar {
  /// `U64`.
  public static var fileScalar: SafetensorsScalar { .unsigned64 }
}
extension Int8: PackedScalar {
  /// `I8`.
  public static var fileScalar: SafetensorsScalar { .integer8 }
}
extension Int16: PackedScalar {
  /// `I16`.
  public static var fileScalar: SafetensorsScalar { .integer16 }
}
extension Int32: PackedScalar {
  /// `I32`.
  public static var fileScalar: SafetensorsScalar { .integer32 }
}
extension Int64: PackedScalar {
  /// `I64`.
  public static var fileScalar: SafetensorsScalar { .integer64 }
}
extension Float: PackedScalar {
  /// `F32`.
  public static var fileScalar: SafetensorsScalar { .float32 }
}
extension Double: PackedScalar {
  /// `F64`.
  public static var fileScalar: SafetensorsScalar { .float64 }
}
