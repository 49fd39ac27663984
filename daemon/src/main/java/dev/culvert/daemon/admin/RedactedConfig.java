// SPDX-License-Identifier: Apache-2.0
package dev.culvert.daemon.admin;

import dev.culvert.daemon.config.GatewayConfig;
import dev.culvert.daemon.config.HostPort;
import dev.culvert.daemon.config.InterfaceAddress;
import dev.culvert.daemon.config.KeySource;
import dev.culvert.daemon.config.Place;
import dev.culvert.routing.ClusterMap;
import dev.culvert.routing.IpAddress;
import dev.culvert.routing.Prefix;
import dev.culvert.tunnel.noise.PublicKey;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A configuration as JSON without its secrets. The value is walked by its types, and a value of a
 * type that is not known to be public is left out: a type that is added later is secret until it is
 * named here. Neither the file's text nor a file that it names is read.
 */
public final class RedactedConfig {
  /** In place of a secret. */
  public static final String REDACTED = "(redacted)";

  /** Types whose text is public. */
  private static final Set<Class<?>> PUBLIC =
      Set.of(
          IpAddress.class, Prefix.class, PublicKey.class, HostPort.class, InterfaceAddress.class);

  /** Names of texts that could be secrets. Public keys and paths have types of their own. */
  private static final Pattern SECRET_NAME =
      Pattern.compile("(?i).*(secret|token|password|passphrase|psk|key)");

  private RedactedConfig() {}

  /** The configuration, as indented JSON. */
  public static String of(GatewayConfig config) {
    return Json.pretty(parts(config));
  }

  /** A value as maps, lists and texts. */
  static @Nullable Object tree(@Nullable Object value) {
    return switch (value) {
      case null -> null;
      case Boolean truth -> truth;
      case Number number -> number;
      case String text -> text;
      case Enum<?> constant -> constant.name();
      case Path path -> path.toString();
      case Place place -> place.file() + ":" + place.line();
      case ClusterMap map -> cluster(map);
      case KeySource.InFile file -> Map.of("file", file.path().toString());
      case KeySource.Inline _ -> REDACTED;
      case Collection<?> all -> list(all);
      case Map<?, ?> map -> map(map);
      default ->
          PUBLIC.contains(value.getClass())
              ? value.toString()
              : value instanceof Record parts ? parts(parts) : REDACTED;
    };
  }

  private static Map<String, @Nullable Object> cluster(ClusterMap map) {
    Map<String, @Nullable Object> parts = new LinkedHashMap<>();
    parts.put("nodes", list(map.nodes()));
    parts.put("clusterCidrs", list(map.clusterCidrs()));
    parts.put("nodeCidrs", list(map.nodeCidrs()));
    return parts;
  }

  private static List<@Nullable Object> list(Collection<?> all) {
    List<@Nullable Object> list = new ArrayList<>();
    all.forEach(each -> list.add(tree(each)));
    return list;
  }

  private static Map<String, @Nullable Object> map(Map<?, ?> all) {
    Map<String, @Nullable Object> map = new LinkedHashMap<>();
    all.forEach((key, value) -> map.put(String.valueOf(tree(key)), tree(value)));
    return map;
  }

  private static Map<String, @Nullable Object> parts(Record value) {
    Map<String, @Nullable Object> parts = new LinkedHashMap<>();
    for (RecordComponent part : value.getClass().getRecordComponents()) {
      Object content = read(part, value);
      boolean secret = content instanceof String && SECRET_NAME.matcher(part.getName()).matches();
      parts.put(part.getName(), secret ? REDACTED : tree(content));
    }
    return parts;
  }

  private static @Nullable Object read(RecordComponent part, Record value) {
    try {
      return part.getAccessor().invoke(value);
    } catch (IllegalAccessException e) {
      return REDACTED; // A record that is not public says nothing about its secrets.
    } catch (InvocationTargetException e) {
      throw new IllegalStateException("an accessor of a record failed", e);
    }
  }
}
