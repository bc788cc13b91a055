// A QR code as the controller draws it: dark modules on white, in both schemes, or a telephone would not read it.
export function QrPicture({ qr, label }: { qr: { size: number; path: string }; label: string }) {
  return (
    <svg className="lm-qr" viewBox={`0 0 ${qr.size} ${qr.size}`} role="img" aria-label={label} shapeRendering="crispEdges">
      <rect width={qr.size} height={qr.size} fill="#fff" />
      <path d={qr.path} fill="#000" />
    </svg>
  );
}
