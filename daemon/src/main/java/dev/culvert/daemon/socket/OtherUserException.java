// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.socket;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * This user may not use a file or a local socket of a gateway. So it is not known whether a process
 * serves it, and callers must not go on as if none did.
 */
public final class OtherUserException extends AccessDeniedException {
  private static final long serialVersionUID = 1L;

  private final @Nullable String owner;

  public OtherUserException(Path path) {
    super(path.toString());
    owner = owner(path);
  }

  /** The message about a file of which no more is known than that it may not be used. */
  public static String denied(AccessDeniedException e) {
    return e.getFile() + ": permission denied; run this as root, or give this user access";
  }

  private static @Nullable String owner(Path path) {
    try {
      return Files.getOwner(path, LinkOption.NOFOLLOW_LINKS).getName();
    } catch (IOException e) {
      return null; // The folder is closed to this user too, or the file is gone by now.
    }
  }

  /** The whole message for people. */
  @Override
  public String getMessage() {
    if (owner == null) {
      return denied(this);
    }
    return getFile()
        + " belongs to user "
        + owner
        + ", and this user may not use it (permission denied); run this as "
        + (owner.equals("root") ? "root" : owner + " or root");
  }
}
