// The words of questions and their numbers, the same for generated and for published data.

extension CLEVR {
  /// What no question of CLEVR is.
  struct QuestionProblem: Error, CustomStringConvertible {
    let description: String
  }

  /// The most words of a question that is read; the longest published one has 42.
  static let questionLimit = 100

  /// The words of the published templates and their synonyms, in lower case and in order.
  ///
  /// The number of a word is its place. Nothing may ever be put between them, or trained models
  /// read other words.
  static let words: [String] =
    """
    a an and another any anything are as ball balls behind big block blocks blue both brown color \
    cube cubes cyan cylinder cylinders do does either else equal fewer front gray greater green \
    has have how in is it its large left less made many material matte metal metallic more number \
    object objects of on or other purple red right rubber same shape shiny side size small sphere \
    spheres than that the there thing things tiny to visible what yellow
    """.split(separator: " ").map(String.init)

  private static let wordNumbers = Dictionary(
    uniqueKeysWithValues: words.enumerated().map { ($0.element, UInt8($0.offset)) })

  /// The numbers of the words of a question.
  ///
  /// Throws if it has another word, none or too many.
  static func wordNumbers(of text: String) throws(QuestionProblem) -> [UInt8] {
    var numbers: [UInt8] = []
    let words = words(of: text)
    guard (1...questionLimit).contains(words.count) else {
      throw QuestionProblem(description: "it has \(words.count) words, not 1 to \(questionLimit)")
    }
    for word in words {
      guard let number = wordNumbers[word] else {
        throw QuestionProblem(description: "\"\(word)\" is no word of CLEVR's questions")
      }
      numbers.append(number)
    }
    return numbers
  }
}
