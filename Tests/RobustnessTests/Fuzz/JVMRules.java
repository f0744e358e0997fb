// SPDX-License-Identifier: Apache-2.0

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import org.apache.zookeeper.client.ConnectStringParser;
import org.apache.zookeeper.common.PathUtils;

/** What the JVM client itself says of paths and connect strings: one per line of a file, in hexadecimal UTF-8. */
public class JVMRules {
    public static void main(String[] arguments) throws Exception {
        StringBuilder output = new StringBuilder();
        for (String line : Files.readAllLines(Paths.get(arguments[1]))) {
            byte[] bytes = new byte[line.length() / 2];
            for (int i = 0; i < bytes.length; i++) {
                bytes[i] = (byte) Integer.parseInt(line.substring(2 * i, 2 * i + 2), 16);
            }
            String text = new String(bytes, StandardCharsets.UTF_8);
            String answer;
            try {
                answer = arguments[0].equals("path") ? path(text) : connectString(text);
            } catch (RuntimeException refusal) {
                answer = "-";
            }
            output.append(answer).append('\n');
        }
        System.out.print(output);
    }

    private static String path(String text) {
        PathUtils.validatePath(text);
        return "+";
    }

    /** Servers and chroot, each in hexadecimal, because of what may be in them. */
    private static String connectString(String text) {
        ConnectStringParser parser = new ConnectStringParser(text);
        StringBuilder answer = new StringBuilder("+");
        parser.getServerAddresses().forEach(server ->
            answer.append(hexadecimal(server.getHostString())).append(':').append(server.getPort()).append(','));
        String chroot = parser.getChrootPath();
        return answer.append('/').append(chroot == null ? "" : hexadecimal(chroot)).toString();
    }

    private static String hexadecimal(String text) {
        StringBuilder digits = new StringBuilder();
        for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
            digits.append(String.format("%02x", b));
        }
        return digits.toString();
    }
}
