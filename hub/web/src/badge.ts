/** The tab's icon with the number of firing alerts on it. */
const SIZE = 64;
const PLAIN_ICON = '/favicon.svg';

/** Two places at most: three cannot be read at this size. */
export const badgeText = (count: number): string => (count > 99 ? '99' : String(count));

const draw = (brand: HTMLImageElement, count: number): string | null => {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = SIZE;
  const pen = canvas.getContext('2d');
  if (!pen) return null;
  pen.drawImage(brand, 0, 0, SIZE, SIZE);
  const text = badgeText(count);
  const width = text.length > 1 ? 50 : 40;
  pen.fillStyle = '#c23a10';
  pen.beginPath();
  pen.roundRect(SIZE - width, SIZE - 40, width, 40, 12);
  pen.fill();
  pen.fillStyle = '#fff';
  pen.font = 'bold 36px system-ui, sans-serif';
  pen.textAlign = 'center';
  pen.textBaseline = 'middle';
  pen.fillText(text, SIZE - width / 2, SIZE - 18);
  return canvas.toDataURL('image/png');
};

/** Puts the number on the icon; none shows the icon as it is. */
export const createBadge = (): ((count: number) => void) => {
  const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  const brand = new Image();
  let wanted = 0;
  const show = () => {
    if (!link) return;
    const drawn = wanted > 0 && brand.complete && brand.naturalWidth > 0 ? draw(brand, wanted) : null;
    link.type = drawn ? 'image/png' : 'image/svg+xml';
    link.href = drawn ?? PLAIN_ICON;
  };
  brand.onload = show;
  return (count) => {
    wanted = count;
    // Most people look at a fleet in which nothing fires: the image is asked for when it is needed.
    if (count > 0 && brand.src === '') brand.src = PLAIN_ICON;
    show();
  };
};
