// The relate executable.

import ArgumentParser
import Launching

@main
enum Main {
  static func main() { RelateCommand.main() }
}
