// The relate executable.

import Launching

@main
enum Main {
  static func main() { RelateCommand.main() }
}
