// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command;

import java.util.Objects;
import picocli.CommandLine.IVersionProvider;

/** The version in the jar's manifest. */
public final class Version implements IVersionProvider {
  @Override
  public String[] getVersion() {
    String version = Version.class.getPackage().getImplementationVersion();
    return new String[] {
      "culvert " + Objects.requireNonNullElse(version, "(unpackaged)"), "Java " + Runtime.version()
    };
  }
}
