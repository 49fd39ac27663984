// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli.command;

import dev.culvert.tunnel.port.Offload;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads auto, on or off; an empty text, as of an empty variable, is auto. */
final class OffloadModeConverter implements ITypeConverter<Offload.Mode> {
  @Override
  public Offload.Mode convert(String text) {
    return Offload.Mode.of(text.isEmpty() ? Offload.Mode.AUTO.text() : text)
        .orElseThrow(() -> new TypeConversionException("'" + text + "' is not auto, on or off"));
  }
}
