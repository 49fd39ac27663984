// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import java.lang.invoke.MethodHandles;

/**
 * The way to routines of the JDK's own provider that the JVM compiles to special instructions. No
 * public interface reaches them without setting up a whole cipher for each packet; so the JVM has
 * to run with {@code --add-opens java.base/com.sun.crypto.provider=ALL-UNNAMED}, or the program's
 * manifest has to say so.
 */
final class ProviderAccess {
  /** The package that has to be open to this module. */
  static final String PACKAGE = "java.base/com.sun.crypto.provider";

  private ProviderAccess() {}

  /**
   * A look-up with all rights of a class of the provider.
   *
   * @param name without the package
   * @throws ReflectiveOperationException if this JVM has no such class or keeps it to itself
   */
  static MethodHandles.Lookup in(String name) throws ReflectiveOperationException {
    return MethodHandles.privateLookupIn(
        Class.forName("com.sun.crypto.provider." + name), MethodHandles.lookup());
  }

  static UnsupportedOperationException missing() {
    return new UnsupportedOperationException(
        "the JVM runs without --add-opens " + PACKAGE + "=ALL-UNNAMED, or is another");
  }
}
