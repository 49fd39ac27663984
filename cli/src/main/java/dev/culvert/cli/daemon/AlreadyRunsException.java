package dev.culvert.cli.daemon;

import java.nio.file.FileAlreadyExistsException;

/** A gateway of that name runs: it keeps its guard, and nothing was touched. */
public final class AlreadyRunsException extends FileAlreadyExistsException {
  private static final long serialVersionUID = 1;

  AlreadyRunsException(String interfaceName) {
    super(interfaceName);
  }
}
