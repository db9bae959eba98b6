// What other libraries report, in words.

import Foundation
import Glibc

/// What an error means, in a few words without a full stop at the end.
///
/// Errors of system calls and of Foundation become what the system says of them ("Permission
/// denied", "No space left on device", "Is a directory"), errors of decoding name the key; any
/// other error is what its description says.
public func readableReason(_ error: any Error) -> String {
  if let error = error as? DecodingError { return reason(error) }
  if let code = systemCode(of: error) { return words(for: code) }
  let text: String
  if let error = error as? CocoaError {
    text = reason(error)
  } else if type(of: error) is NSError.Type {
    text = error.localizedDescription
  } else {
    text = "\(error)"
  }
  return text.hasSuffix(".") ? String(text.dropLast()) : text
}

/// What the system calls an error.
func words(for code: Int32) -> String { String(cString: strerror(code)) }

/// The code of the system call that an error comes from, nil if it comes from none.
func systemCode(of error: any Error) -> Int32? {
  if let error = error as? FileError { return error.code }
  let error = error as NSError
  if error.domain == NSPOSIXErrorDomain { return Int32(exactly: error.code) }
  // The outer error of Foundation often says less than the one that it wraps.
  if let cause = error.userInfo[NSUnderlyingErrorKey] as? any Error,
    let code = systemCode(of: cause)
  {
    return code
  }
  guard error.domain == NSCocoaErrorDomain else { return nil }
  return switch CocoaError.Code(rawValue: error.code) {
  case .fileNoSuchFile, .fileReadNoSuchFile: ENOENT
  case .fileReadNoPermission, .fileWriteNoPermission: EACCES
  case .fileWriteFileExists: EEXIST
  case .fileWriteOutOfSpace: ENOSPC
  case .fileWriteVolumeReadOnly: EROFS
  case .fileReadTooLarge: EFBIG
  case .fileReadInvalidFileName, .fileWriteInvalidFileName: EINVAL
  default: nil
  }
}

private func reason(_ error: CocoaError) -> String {
  switch error.code {
  case .fileReadInapplicableStringEncoding, .fileReadUnknownStringEncoding:
    "it is not text in the expected encoding"
  case .fileReadCorruptFile: "it is not in the expected format"
  case .fileReadUnknown, .fileWriteUnknown: "the system does not say why"
  default: error.localizedDescription
  }
}

private func reason(_ error: DecodingError) -> String {
  switch error {
  case .keyNotFound(let key, let context):
    return "\"\(name(context.codingPath + [key]))\" is missing"
  case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
    var text = context.debugDescription
    if text.hasSuffix(".") { text.removeLast() }
    return context.codingPath.isEmpty ? text : "\"\(name(context.codingPath))\": \(text)"
  @unknown default: return "\(error)"
  }
}

/// The way to a value, as `images[2].name`.
private func name(_ path: [any CodingKey]) -> String {
  path.reduce("") { name, key in
    if let index = key.intValue { return "\(name)[\(index)]" }
    return name.isEmpty ? key.stringValue : "\(name).\(key.stringValue)"
  }
}
